--! nested
eg.rows("rows_of_itself")
