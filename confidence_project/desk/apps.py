"""App configuration of the desk, and of the admin site that the desk takes the place of."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DeskConfig(AppConfig):
    name = "confidence_project.desk"
    label = "desk"


class DeskAdminConfig(AdminConfig):
    default_site = "confidence_project.desk.site.DeskAdminSite"
