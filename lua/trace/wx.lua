-- wx - memory of programs that was written to and becomes code
local WRITE, EXEC = 2, 4 -- VM_WRITE, VM_EXEC

on_call("mprotect_fixup", function(k, call)
  local a = call.args
  local was, becomes = a.vma.vm_flags, a.newflags
  if was & WRITE ~= 0 and was & EXEC == 0 and becomes & EXEC ~= 0 then
    row { EVENT = "mprotect", DETAIL = string.format("%#x-%#x %s%s", a.start, a["end"],
                                                     becomes & WRITE ~= 0 and "w" or "-", "x") }
  end
end)
