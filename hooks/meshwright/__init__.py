"""The checks of the data product metamodel, and the `meshwright` command."""
