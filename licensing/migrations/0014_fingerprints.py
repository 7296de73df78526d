"""How the sync knows rows again, remarks of a run, and constraints that cost more than they keep (InstanceUsage)."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("licensing", "0013_auto_registration"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="change",
            name="change_newest_first",
        ),
        migrations.AddField(
            model_name="license",
            name="fingerprint",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="productinstance",
            name="fingerprint",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="registrationtoken",
            name="fingerprint",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="remark",
            field=models.TextField(blank=True, help_text="What was odd in Cisco's listings, and how it was taken."),
        ),
        migrations.AddField(
            model_name="virtualaccount",
            name="fingerprint",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="change",
            name="sync_run",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="changes",
                to="licensing.syncrun",
            ),
        ),
        migrations.AlterField(
            model_name="instanceusage",
            name="license",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="usage",
                to="licensing.license",
            ),
        ),
        migrations.AlterField(
            model_name="instanceusage",
            name="product_instance",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="usage",
                to="licensing.productinstance",
            ),
        ),
        migrations.AddIndex(
            model_name="change",
            index=models.Index(fields=["at", "id"], name="change_by_time"),
        ),
    ]
