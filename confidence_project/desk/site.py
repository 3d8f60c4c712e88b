"""The admin site: Django's own, under our name."""

from django.contrib import admin


class DeskAdminSite(admin.AdminSite):
    """The decision desk."""

    site_title = "Enterprise Confidence System"
    site_header = "Enterprise Confidence System"
    index_title = "Decision desk"
    site_url = None
