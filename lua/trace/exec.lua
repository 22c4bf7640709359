-- exec - programs that are started, with their arguments
-- At its end an exec has its new memory, its arguments and its name: linux_binprm.filename is what was asked for.
on_call("finalize_exec", function(k, call)
  local words = {}
  for word in linux.args and string.gmatch(tostring(linux.args(call.task)), "[^\0]+") do words[#words + 1] = word end
  row { EVENT = "exec", DETAIL = table.concat(words, " ") }
end)
