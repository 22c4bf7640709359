-- ptrace - who traces whom, and how.

return plugin {
  name = "ptrace",
  os = "linux",
  help = "List threads that are traced or trace others, with the tracer's options",
  manual = "A traced thread's parent is its tracer; PPID elsewhere is of the real parent. TRACEES are those on the tracer's "
    .. "own list: a thread on that list that has no such tracer, or with this tracer and not on its list, is damaged or "
    .. "was changed, and a note says so. A tracer that has finished leaves no trace.",
  aliases = { "linux.ptrace.Ptrace" },
  columns = {
    { "PID", "int", "process id" },
    { "TID", "int", "thread id" },
    { "COMM", "text", "name; the task can change it" },
    { "TRACER_TID", "int", "thread that traces it" },
    { "TRACER_COMM", "text", "its name" },
    { "TRACEES", "text", "threads that it traces itself", "list" },
    { "PTRACE_FLAGS", "flags", "how it is traced: the tracer's options" },
  },
  args = { { "pid", "int", "only these processes" } },
  needs = { "task_struct.ptrace", "task_struct.ptraced", "task_struct.ptrace_entry", "task_struct.parent" },
  uses = { "tasks", "threads" },
  key = { "TID" },
  run = function(k, args, row)
    local list, traced = {}, {} -- traced[address] = the tracer's address, by its list
    local offset = eg.offsetof("task_struct", "ptraced")

    for process in linux.tasks(k) do
      for t in linux.threads(process) do
        local tracees, first = {}, eg.address(t.ptraced.next)
        if first and first ~= 0 and first ~= eg.address(t) + offset then
          for tracee in eg.list(t.ptraced, "task_struct", "ptrace_entry") do
            tracees[#tracees + 1] = tracee
            traced[eg.address(tracee)] = eg.address(t)
          end
        end
        local flags = eg.value(t.ptrace, 0)
        if flags ~= 0 or #tracees > 0 then list[#list + 1] = { task = t, flags = flags, tracees = tracees } end
      end
    end
    for _, found in ipairs(list) do
      local t, flags, tids = found.task, found.flags, {}
      for i, tracee in ipairs(found.tracees) do
        tids[i] = tostring(tracee.pid)
        if eg.value(tracee.ptrace, 1) == 0 then
          eg.note(("thread %s is on the list of its tracer %s, and is not traced by its own word"):format(tracee.pid, t.pid))
        end
      end
      if flags ~= 0 and traced[eg.address(t)] ~= eg.address(t.parent) then
        eg.note(("thread %s is traced by its own word, and is not on the list of its parent"):format(t.pid))
      end
      if eg.matches("pid", t.tgid) then
        row {
          PID = t.tgid, TID = t.pid, COMM = t.comm, TRACER_TID = flags ~= 0 and t.parent.pid or nil,
          TRACER_COMM = flags ~= 0 and t.parent.comm or nil, TRACEES = #tids > 0 and table.concat(tids, " ") or nil,
          PTRACE_FLAGS = flags ~= 0 and eg.flags(flags, linux.ptrace_flags) or nil,
        }
      end
    end
  end,
}
