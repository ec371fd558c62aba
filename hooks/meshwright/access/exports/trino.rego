# What Trino may do for whom, for the tables of data products; everything else is denied.
#
# The product's export lies below data.meshwright.trino.published, one document a table. Trino reads an undefined
# row filter as "all rows" and an undefined mask as "as it is", so each has an answer for whoever asks for what.
package meshwright.trino

default allow := false

allow if {
	input.action.operation == "ExecuteQuery"
	count(readable) > 0
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

permitted("AccessCatalog", resource) if resource.catalog.name in catalogs

permitted("AccessCatalog", resource) if {
	resource.catalog.name == "system"
	count(readable) > 0
}

permitted("FilterCatalogs", resource) if resource.catalog.name in catalogs

permitted("ShowSchemas", resource) if resource.catalog.name in catalogs

permitted("FilterSchemas", resource) if [resource.schema.catalogName, resource.schema.schemaName] in readable

permitted("ShowTables", resource) if [resource.schema.catalogName, resource.schema.schemaName] in readable

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
	some column, _ in offered(table).roles[_].columns
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
	table.catalogName in catalogs
	table.schemaName == "information_schema"
	table.tableName in {"columns", "schemata", "tables"}
}

describes(table) if {
	table.catalogName == "system"
	table.schemaName == "jdbc"
	table.tableName in {"catalogs", "columns", "schemas", "table_types", "tables", "types"}
	count(readable) > 0
}

known(table, column) if sees(table, column)

known(table, _) if describes(table)

# Catalog and schema of each table that the user reads.
readable contains [catalog, schema] if {
	some catalog, its_schemas in data.meshwright.trino.published
	some schema, its_tables in its_schemas
	some name, _ in its_tables
	reads({"catalogName": catalog, "schemaName": schema, "tableName": name})
}

catalogs contains pair[0] if some pair in readable
