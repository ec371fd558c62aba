# The platform's decision: which agreements count, who reads by them, and what a role sees of a column.
#
# Rego v1, within what OPA, regopy and an OPA server agree on: no comprehension over `some k, v`, `every` only
# inside a body, no text that is put together (`decision.py` fills the braces). Nothing asks a clock, a network
# or an environment: `now` is an input. Whatever is negated has a twin that demands the field, because `not` is
# true of what is missing.
package meshwright.access

import rego.v1

# --- An agreement: input.now (seconds), .product, .role (as the policy defines it), .agreement, .subjects -----------

agreement := {"refused": refused, "unfit": unfit, "members": members}

# The same without an agreement: nobody, unless the role is open to all.
everybody := {"unfit": unfit, "members": everybody_fit}

everybody_fit contains id if {
	open_to_all
	not team_refuses
	some id in object.keys(input.subjects)
	count(object.get(unfit, id, set())) == 0
}

team_refuses if some _ in data.product.access.deny

# Open: everybody whom the directory knows reads, in the roles whose clearance goes no further than may be open.
open_to_all if {
	input.product.mode == "open"
	count(input.role.clearance) > 0
	every level in input.role.clearance {
		level in input.product.open
	}
}

refused contains "It is {status}, not approved." if {
	not open_to_all
	not input.agreement.status == "approved"
}

refused contains "Nobody has approved it." if {
	not open_to_all
	not input.agreement.approved == true
}

refused contains "It is about {product}, which is another product." if not input.agreement.product == input.product.id

refused contains "The policy has no role {role}." if not is_object(input.role)

refused contains "It is not known what time it is." if not is_number(input.now)

refused contains "It does not say from when on." if not is_number(input.agreement.start)

refused contains "It does not say until when." if not is_number(input.agreement.end)

refused contains "It begins on {start}." if input.now < input.agreement.start

refused contains "It ended on {end}." if input.now >= input.agreement.end

refused contains "It ends before it begins." if input.agreement.end <= input.agreement.start

refused contains "It lasts longer than the {maxDays} days that its role allows." if {
	input.agreement.end - input.agreement.start > input.role.maxDays * 86400
}

refused contains "It does not say what for." if not is_string(input.agreement.description)

refused contains "It does not say who asks." if not is_string(input.agreement.requester)

refused contains "Its purpose is none of those that its role is for: {purposes}." if {
	count(input.role.purposes) > 0
	not input.agreement.purpose in input.role.purposes
}

refused contains reason if some reason in data.product.access.deny

# --- Its subjects: who of those whom it names may read by it --------------------------------------------------------

unfit[id] contains "The role is for {kind}, and the directory says that this is something else." if {
	some id in object.keys(input.subjects)
	not input.subjects[id].kind == input.role.kind
}

unfit[id] contains "The role requires {requires}, and the directory does not say so." if {
	some id in object.keys(input.subjects)
	some attribute in object.keys(object.get(input.role, "requires", {}))
	not has_one(id, attribute)
}

has_one(id, attribute) if {
	some value in input.subjects[id].attributes[attribute]
	value in input.role.requires[attribute]
}

unfit[id] contains reason if {
	some id in object.keys(input.subjects)
	some reason in data.product.access.deny_subject[id]
}

members contains id if {
	count(refused) == 0
	some id in object.keys(input.subjects)
	count(object.get(unfit, id, set())) == 0
}

# --- Columns: input.columns (name, type, classification), .roles, .masks, .order (of classifications) ---------------

columns[role][column.name] := treatment if {
	some role in object.keys(input.roles)
	some column in input.columns
	treatment := seen(input.roles[role], column)
}

seen(role, column) := "clear" if {
	column.classification in input.order
	column.classification in role.clearance
}

seen(role, column) := mask if {
	column.classification in input.order
	not column.classification in role.clearance
	role.above == "mask"
	masks := object.get(input.masks, column.classification, {})
	mask := object.get(masks, column.type, object.get(masks, "default", "empty"))
}
