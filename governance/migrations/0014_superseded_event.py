from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('governance', '0013_retention_and_holds'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notice',
            name='event',
            field=models.CharField(choices=[('proposal.opened', 'Proposal opened'), ('proposal.approved', 'Proposal approved'), ('proposal.rejected', 'Proposal rejected'), ('proposal.applied', 'Proposal applied'), ('proposal.superseded', 'Proposal superseded: another took its place'), ('policy.rolled_back', 'Policy rolled back'), ('policy.alarm_raised', 'Alarm raised: a promise is broken'), ('rollout.shadow_started', 'Shadow started'), ('rollout.canary_started', 'Canary started'), ('rollout.canary_raised', 'Share of the canary raised'), ('rollout.promoted', 'Rollout promoted: applied to all'), ('rollout.withdrawn', 'Rollout withdrawn'), ('rollout.stopped', 'Rollout stopped'), ('kill_switch.engaged', 'Kill switch engaged'), ('kill_switch.released', 'Kill switch released'), ('source.blocked', 'Provider or model blocked'), ('source.unblocked', 'Provider or model unblocked'), ('audit_sampling.started', 'Audit sampling started'), ('audit_sampling.stopped', 'Audit sampling stopped'), ('break_glass_review.opened', 'Break-glass review opened'), ('break_glass_review.closed', 'Break-glass review closed'), ('workspace.toggles_changed', 'Toggles of the workspace changed')], max_length=30),
        ),
        migrations.AlterField(
            model_name='webhookdelivery',
            name='event',
            field=models.CharField(choices=[('proposal.opened', 'Proposal opened'), ('proposal.approved', 'Proposal approved'), ('proposal.rejected', 'Proposal rejected'), ('proposal.applied', 'Proposal applied'), ('proposal.superseded', 'Proposal superseded: another took its place'), ('policy.rolled_back', 'Policy rolled back'), ('policy.alarm_raised', 'Alarm raised: a promise is broken'), ('rollout.shadow_started', 'Shadow started'), ('rollout.canary_started', 'Canary started'), ('rollout.canary_raised', 'Share of the canary raised'), ('rollout.promoted', 'Rollout promoted: applied to all'), ('rollout.withdrawn', 'Rollout withdrawn'), ('rollout.stopped', 'Rollout stopped'), ('kill_switch.engaged', 'Kill switch engaged'), ('kill_switch.released', 'Kill switch released'), ('source.blocked', 'Provider or model blocked'), ('source.unblocked', 'Provider or model unblocked'), ('audit_sampling.started', 'Audit sampling started'), ('audit_sampling.stopped', 'Audit sampling stopped'), ('break_glass_review.opened', 'Break-glass review opened'), ('break_glass_review.closed', 'Break-glass review closed'), ('workspace.toggles_changed', 'Toggles of the workspace changed')], max_length=30),
        ),
    ]
