# Service levels and retention, in the units that AWS counts in.
locals {
  unit_seconds = { s = 1, m = 60, h = 3600, d = 86400 }

  freshness = {
    for level in try([for each in local.spec.serviceLevels : each], []) : level.name => ceil(
      tonumber(regex("^<=? *([0-9.]+) *([smhd])$", level.objective)[0])
      * local.unit_seconds[regex("^<=? *([0-9.]+) *([smhd])$", level.objective)[1]]
    ) if level.indicator == "freshness" && can(regex("^<=? *[0-9.]+ *[smhd]$", level.objective))
  }
  # An alarm looks back seven days at most, and one day if its periods are shorter than an hour.
  freshness_alarms = {
    for name, seconds in local.freshness : name => {
      period  = seconds <= 3600 ? 60 : 3600
      periods = max(1, ceil(seconds / (seconds <= 3600 ? 60 : 3600)))
    } if seconds <= 7 * 86400
  }
  unwatched = sort([for name, seconds in local.freshness : name if seconds > 7 * 86400])

  kept_days = [
    for trait in try([for each in local.spec.traits : each], []) : tonumber(regex("^([0-9]+)d$", trait.properties.keep)[0])
    if startswith(trait.uses, "retention@")
  ]
  # What retention took out of the data set is still in its old versions, and goes from there within a week.
  noncurrent_days = max(1, min(var.recovery_days, [for days in local.kept_days : min(days, 7)]...))
}
