--! nil
error(nil)
