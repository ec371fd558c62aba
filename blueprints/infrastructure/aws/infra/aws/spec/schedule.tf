# cron's five fields (UTC) -> EventBridge Scheduler's six. Each field is written out as the numbers that it stands for:
# Scheduler counts days of the week from Sunday as 1, knows no steps there, and takes only one of the two kinds of day.
locals {
  # Where an orchestrator starts the runs, nothing here does.
  orchestrated = anytrue([
    for trait in try([for each in local.spec.traits : each], []) :
    contains(["airflow@", "dagster@"], replace(trait.uses, "/[0-9]+$/", ""))
  ])
  timed = [
    for trait in try([for each in local.spec.traits : each], []) : trait
    if contains(["schedule", "trigger"], split("@", trait.uses)[0]) && !local.orchestrated
  ]
  crons = distinct([for trait in local.timed : trait.properties.cron])
  # With trigger@1 the container asks at these times whether its inputs are ready, and says by 5 that they are not.
  asks = anytrue([for trait in local.timed : startswith(trait.uses, "trigger@")])

  ranges = [range(0, 60), range(0, 24), range(1, 32), range(1, 13), range(0, 7)]
  names = [
    {}, {}, {},
    { JAN = 1, FEB = 2, MAR = 3, APR = 4, MAY = 5, JUN = 6, JUL = 7, AUG = 8, SEP = 9, OCT = 10, NOV = 11, DEC = 12 },
    { SUN = 0, MON = 1, TUE = 2, WED = 3, THU = 4, FRI = 5, SAT = 6 },
  ]
  # What may stand in a field -> the number that it means: 5, 05 or FRI.
  values = [
    for place, numbers in local.ranges : merge(
      { for number in numbers : tostring(number) => number },
      { for number in numbers : format("%02d", number) => number },
      local.names[place],
    )
  ]

  # Cron -> the parts of its five fields; [] if it is no cron.
  fields = {
    for cron in local.crons : cron => try([
      for place, field in split(" ", upper(cron)) : [
        for said in [for part in split(",", field) : regex("^(?:\\*|(\\w+)(?:-(\\w+))?)(?:/(0?[1-9]|[1-9][0-9]))?$", part)] : {
          first = said[0] == null ? local.ranges[place][0] : local.values[place][said[0]]
          # `5` is itself; `5/10` goes on to the end, as `*` does.
          last = (
            said[1] != null ? local.values[place][said[1]] :
            said[0] == null || said[2] != null ? reverse(local.ranges[place])[0] : local.values[place][said[0]]
          )
          step = said[2] == null ? 1 : tonumber(said[2])
        }
      ]
    ], [])
  }
  no_times = [
    for cron, fields in local.fields : cron
    if length(fields) != 5 || anytrue(flatten([for parts in fields : [for part in parts : part.first > part.last]]))
  ]
  numbers = {
    for cron, fields in local.fields : cron => [
      for place, parts in fields : [
        for number in local.ranges[place] : number if anytrue([
          for part in parts : part.first <= number && number <= part.last && (number - part.first) % part.step == 0
        ])
      ]
    ] if !contains(local.no_times, cron)
  }

  written = {
    for cron, fields in local.numbers : cron => [
      for place, numbers in fields : (
        length(numbers) == length(local.ranges[place]) ? "*" :
        join(",", [for number in numbers : place == 4 ? keys(local.names[4])[index(values(local.names[4]), number)] : tostring(number)])
      )
    ]
  }
  # Where cron restricts both kinds of day, either will do: that is two schedules.
  schedules = merge([
    for cron, fields in local.written : {
      for kind, days in { date = "${fields[2]} ${fields[3]} ?", week = "? ${fields[3]} ${fields[4]}" } :
      "${cron} ${kind}" => "cron(${fields[0]} ${fields[1]} ${days} *)"
      if kind == "date" ? split(" ", cron)[2] != "*" || split(" ", cron)[4] == "*" : split(" ", cron)[4] != "*"
    }
  ]...)
}
