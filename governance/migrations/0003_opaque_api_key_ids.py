from uuid import uuid4

from django.db import migrations


def make_opaque(apps, schema_editor):
    """The id of a key held its prefix and its hash, and so did every URL of the admin with it."""
    ApiKey = apps.get_model("governance", "ApiKey")
    LogEntry = apps.get_model("admin", "LogEntry")
    seen = LogEntry.objects.filter(content_type__app_label="governance", content_type__model="apikey")
    for old in list(ApiKey.objects.filter(pk__contains=".").values_list("pk", flat=True)):
        new = uuid4().hex
        ApiKey.objects.filter(pk=old).update(id=new)
        seen.filter(object_id=old).update(object_id=new)


class Migration(migrations.Migration):

    dependencies = [
        ("governance", "0002_history_and_care"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations = [migrations.RunPython(make_opaque, migrations.RunPython.noop)]
