-- ptrace - processes that reach into others: ptrace, /proc/PID/mem, process_vm_writev
local ATTACH = 2 -- PTRACE_MODE_ATTACH

on_call("security_ptrace_access_check", function(k, call)
  local child = call.args.child
  if call.args.mode & ATTACH ~= 0 and child.tgid ~= call.pid then
    row { EVENT = "ptrace", DETAIL = string.format("attaches to %d %s", child.tgid, child.comm) }
  end
end)
on_call("security_ptrace_traceme", function(k, call)
  local parent = call.args.parent
  row { EVENT = "ptrace", DETAIL = string.format("lets %d %s trace it", parent.tgid, parent.comm) }
end)
