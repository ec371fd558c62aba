"""SQL that the platforms understand differently: a list of constructs, and where a model has one of them.

sqlglot parses the models, and takes a while to import: import this where a product names more than one platform.
"""

from meshwright.check.portable_sql.constructs import CONSTRUCTS as CONSTRUCTS
from meshwright.check.portable_sql.constructs.sql_functions import EVERYWHERE as EVERYWHERE
from meshwright.check.portable_sql.constructs.sql_functions import INSTEAD as INSTEAD
from meshwright.check.portable_sql.find_differences import Difference as Difference
from meshwright.check.portable_sql.find_differences import differences as differences
from meshwright.check.portable_sql.jinja import render as render
from meshwright.check.portable_sql.parse import Unparsable as Unparsable
