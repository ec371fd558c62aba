# What is measured, and how it is shown. A run prints one event a line as JSON; filters of its log make metrics of them.
locals {
  namespace = "DataProducts/${local.name}"
  levels    = try([for each in local.spec.serviceLevels : each], [])

  # Metric -> the value that an event has for it. A service level stands in the event where it stands in the spec.
  metrics = merge(
    { RunSeconds = "$.seconds", RowsPublished = "$.rowsOut" },
    { for place, level in local.levels : "ServiceLevel-${level.name}" => "$.serviceLevels[${place}].value" },
  )
  published = "{ $.event = \"run.published\" }"

  # A value has the unit of its objective, so that the objective's number is a line of the chart.
  bounds = {
    for level in local.levels : level.name => tonumber(regex("^[<>]=? *(-?[0-9.]+)", level.objective)[0])
    if can(tonumber(regex("^[<>]=? *(-?[0-9.]+)", level.objective)[0]))
  }

  charts = concat(
    [
      {
        title = "Runs by outcome"
        metrics = [
          for key, color in { succeeded = "#2ca02c", missed = "#ff7f0e", failed = "#d62728", unstarted = "#7f7f7f" } :
          ["AWS/Events", "TriggeredRules", "RuleName", "${local.name}-${key}", { label = key, color = color, stat = "Sum" }]
        ]
        lines = []
      },
      { title = "Duration of a run (s)", metrics = [[local.namespace, "RunSeconds", { stat = "Maximum" }]], lines = [] },
      { title = "Rows published", metrics = [[local.namespace, "RowsPublished", { stat = "Maximum" }]], lines = [] },
    ],
    [
      for level in local.levels : {
        title   = "${level.name}: ${level.indicator} ${level.objective}"
        metrics = [[local.namespace, "ServiceLevel-${level.name}", { stat = startswith(level.objective, "<") ? "Maximum" : "Minimum" }]]
        lines   = [for bound in [try(local.bounds[level.name], null)] : { label = "objective", value = bound } if bound != null]
      }
    ],
  )

  widgets = concat(
    [
      for place, chart in local.charts : {
        type   = "metric"
        x      = 8 * (place % 3)
        y      = 3 + 6 * floor(place / 3)
        width  = 8
        height = 6
        properties = merge(
          { title = chart.title, view = "timeSeries", region = var.region, period = 3600, metrics = chart.metrics },
          length(chart.lines) == 0 ? {} : { annotations = { horizontal = chart.lines } },
        )
      }
    ],
    [{
      type   = "log"
      x      = 0
      y      = 3 + 6 * ceil(length(local.charts) / 3)
      width  = 24
      height = 6
      properties = {
        title  = "What went wrong"
        view   = "table"
        region = var.region
        query  = "SOURCE '${local.log_group}' | fields @timestamp, event, stage, message, fix | filter level in ['error', 'warning'] | sort @timestamp desc | limit 20"
      }
    }],
  )
}
