"""How each engine writes names and values in SQL, whatever somebody put into them: one module a dialect.

Every dialect has `identifier` and `literal` (of a text); where something needs it, also `day` (of a date) and `kinds`
(of a type). tests/unit/tools/test_one_way.py holds that nothing else quotes by hand.
"""
