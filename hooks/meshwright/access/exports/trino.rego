# What Trino may do for whom, for the tables of data products; everything else is denied.
#
# The product's export lies below data.meshwright.trino.published, one document a table. Trino reads an undefined
# row filter as "all rows" and an undefined mask as "as it is", so each has an answer for whoever asks for what.
package meshwright.trino

default allow := false

allow if {
	input.action.operation == "ExecuteQuery"
	reads_somewhere
}

allow if permitted(input.action.operation, input.action.resource)

# Lists that Trino asks about at once: the places of what the user may know of.
batch contains place if {
	input.action.operation != "FilterColumns"
	some place, resource in input.action.filterResources
	permitted(input.action.operation, resource)
}

# Columns come as one table with a list of them.
batch contains place if {
	input.action.operation == "FilterColumns"
	count(input.action.filterResources) == 1
	table := input.action.filterResources[0].table
	some place, column in table.columns
	known(table, column)
}

default rowFilters := [{"expression": "false"}]

rowFilters := [{"expression": "true"}] if describes(input.action.resource.table)

rowFilters := [{"expression": filter}] if {
	table := input.action.resource.table
	reads(table)
	filter := concat(" AND ", {offered(table).roles[role].rows | some role in roles(table)})
}

columnMask := {"expression": mask(asked)} if {
	asked := object.get(input, ["action", "resource"], {})
	not clear(asked)
}

batchColumnMasks contains {"index": place, "viewExpression": {"expression": mask(resource)}} if {
	some place, resource in input.action.filterResources
	not clear(resource)
}

# WHAT IS ASKED FOR

permitted("AccessCatalog", resource) if reads_in_catalog(resource.catalog.name)

permitted("AccessCatalog", resource) if {
	resource.catalog.name == "system"
	reads_somewhere
}

permitted("FilterCatalogs", resource) if reads_in_catalog(resource.catalog.name)

permitted("ShowSchemas", resource) if reads_in_catalog(resource.catalog.name)

permitted("FilterSchemas", resource) if reads_in_schema(resource.schema.catalogName, resource.schema.schemaName)

permitted("ShowTables", resource) if reads_in_schema(resource.schema.catalogName, resource.schema.schemaName)

permitted("FilterTables", resource) if reads(resource.table)

permitted("ShowColumns", resource) if reads(resource.table)

permitted("FilterColumns", resource) if {
	count(resource.table.columns) > 0
	every column in resource.table.columns {
		known(resource.table, column)
	}
}

# No column at all is what count(*) asks for; the row filter holds there too.
permitted("SelectFromColumns", resource) if {
	reads(resource.table)
	is_array(resource.table.columns)
	every column in resource.table.columns {
		sees(resource.table, column)
	}
}

permitted("SelectFromColumns", resource) if describes(resource.table)

# WHO SEES WHAT

offered(table) := data.meshwright.trino.published[table.catalogName][table.schemaName][table.tableName]

# The user's roles for a table at this moment.
roles(table) := {role |
	some role, until in offered(table).users[input.context.identity.user]
	lasts(until)
}

lasts(until) if until == null

lasts(until) if {
	is_string(until)
	time.parse_rfc3339_ns(until) > time.now_ns()
}

# Whoever has several roles sees what all of them see, so that no row of one shows the columns of another.
sees(table, column) if {
	count(roles(table)) > 0
	every role in roles(table) {
		offered(table).roles[role].columns[column]
	}
}

reads(table) if {
	some role in roles(table) # not needed, but faster
	some column, _ in offered(table).roles[role].columns
	sees(table, column)
	every other in roles(table) {
		is_string(offered(table).roles[other].rows)
	}
}

clear(resource) if {
	sees(resource.column, resource.column.columnName)
	count(masks(resource.column)) == 0
}

clear(resource) if describes(resource.column)

masks(column) := {mask |
	some role in roles(column)
	mask := offered(column).roles[role].columns[column.columnName].mask
}

# Two masks of one column have nothing in common but no value at all.
mask(resource) := only if {
	sees(resource.column, resource.column.columnName)
	count(masks(resource.column)) == 1
	some only in masks(resource.column)
} else := "NULL"

# Where Trino and its drivers look up what there is; Trino itself leaves out there what Filter* leaves out.
describes(table) if {
	table.schemaName == "information_schema"
	table.tableName in {"columns", "schemata", "tables"}
	reads_in_catalog(table.catalogName)
}

describes(table) if {
	table.catalogName == "system"
	table.schemaName == "jdbc"
	table.tableName in {"catalogs", "columns", "schemas", "table_types", "tables", "types"}
	reads_somewhere
}

known(table, column) if sees(table, column)

known(table, _) if describes(table)

# Where the user reads a table.
reads_in_schema(catalog, schema) if {
	some name, document in data.meshwright.trino.published[catalog][schema]
	document.users[input.context.identity.user] # not needed, but faster for strangers
	reads({"catalogName": catalog, "schemaName": schema, "tableName": name})
}

reads_in_catalog(catalog) if {
	some schema, _ in data.meshwright.trino.published[catalog]
	reads_in_schema(catalog, schema)
}

reads_somewhere if {
	some catalog, _ in data.meshwright.trino.published
	reads_in_catalog(catalog)
}
