# The platform's decision: which agreements count, who reads by them, and what a role sees of a column.
#
# Rego v1, within what OPA, regopy and an OPA server agree on: no comprehension over `some k, v`, `every` only
# inside a body, no text that is put together (`rego_evaluation.py` fills the braces). Nothing asks a clock, a network
# or an environment: `now` is an input. What may be missing is fetched with `object.get`, because engines differ
# in what `not f(x)` is where there is no x, and a condition on what is missing must never let anybody in.
package meshwright.access

import rego.v1

product := object.get(input, "product", {})

role := object.get(input, "role", {})

asked := object.get(input, "agreement", {})

subjects := object.get(input, "subjects", {})

now := object.get(input, "now", null)

begins := object.get(asked, "start", null)

ends := object.get(asked, "end", null)

clearance := object.get(role, "clearance", [])

purposes := object.get(role, "purposes", [])

requires := object.get(role, "requires", {})

# --- An agreement: input.now (seconds), .product, .role (as the policy defines it), .agreement, .subjects -----------

agreement := {"refused": refused, "unfit": unfit, "members": members}

# The same without an agreement: nobody, unless the role is open to all.
everybody := {"unfit": unfit, "members": everybody_fit}

everybody_fit contains id if {
	open_to_all
	not team_refuses
	some id in object.keys(subjects)
	count(object.get(unfit, id, set())) == 0
}

team_refuses if some _ in data.product.access.deny

# Open: everybody whom the directory knows reads, in the roles whose clearance goes no further than may be open.
open_to_all if {
	object.get(role, "breakGlass", false) != true
	object.get(product, "mode", "") == "open"
	count(clearance) > 0
	every level in clearance {
		level in object.get(product, "open", [])
	}
}

refused contains "It is {status}, not approved." if {
	not open_to_all
	object.get(asked, "status", "") != "approved"
}

refused contains "Nobody has approved it." if {
	not open_to_all
	object.get(asked, "approved", false) != true
}

refused contains "It is about {product}, which is another product." if {
	object.get(asked, "product", null) != object.get(product, "id", "")
}

refused contains "The policy has no role {role}." if count(role) == 0

refused contains "It is not known what time it is." if not is_number(now)

refused contains "It does not say from when on." if not is_number(begins)

refused contains "It does not say until when." if not is_number(ends)

refused contains "It begins on {start}." if {
	known_times
	now < begins
}

refused contains "It ended on {end}." if {
	known_times
	now >= ends
}

refused contains "It ends before it begins." if {
	known_times
	ends <= begins
}

refused contains "It lasts longer than the {maxDays} days that its role allows." if {
	known_times
	ends - object.get(asked, "countedFrom", begins) > object.get(role, "maxDays", object.get(product, "maxDays", 0)) * 86400
}

known_times if {
	is_number(now)
	is_number(begins)
	is_number(ends)
}

refused contains "It does not say what for." if not is_string(object.get(asked, "description", null))

refused contains "It does not say who asks." if not is_string(object.get(asked, "requester", null))

refused contains "Its purpose is none of those that its role is for: {purposes}." if {
	count(purposes) > 0
	not object.get(asked, "purpose", null) in purposes
}

refused contains reason if some reason in data.product.access.deny

# --- Its subjects: who of those whom it names may read by it --------------------------------------------------------

unfit[id] contains "The role is for {kind}, and the directory says that this is something else." if {
	some id in object.keys(subjects)
	object.get(subjects[id], "kind", "") != object.get(role, "kind", null)
}

unfit[id] contains "The role requires {requires}, and the directory does not say so." if {
	some id in object.keys(subjects)
	some attribute in object.keys(requires)
	not has_one(id, attribute)
}

has_one(id, attribute) if {
	some value in subjects[id].attributes[attribute]
	value in requires[attribute]
}

unfit[id] contains reason if {
	some id in object.keys(subjects)
	some reason in data.product.access.deny_subject[id]
}

members contains id if {
	count(refused) == 0
	some id in object.keys(subjects)
	count(object.get(unfit, id, set())) == 0
}

# --- Columns: input.columns (name, type, classification), .roles, .masks, .order (of classifications) ---------------

columns[name][column.name] := treatment if {
	some name in object.keys(input.roles)
	some column in input.columns
	column.classification in input.order
	treatment := seen(input.roles[name], column)
}

seen(reader, column) := "clear" if column.classification in object.get(reader, "clearance", [])

seen(reader, column) := mask if {
	not column.classification in object.get(reader, "clearance", [])
	object.get(reader, "above", "deny") == "mask"
	masks := object.get(input.masks, column.classification, {})
	mask := object.get(masks, column.type, object.get(masks, "default", "empty"))
}
