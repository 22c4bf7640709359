-- psaux as plugins/process/psaux.c has it: the same rows, to the byte.
return plugin {
  name = "lua_psaux",
  os = "linux",
  help = "psaux in Lua",
  columns = {
    { "PID", "int", "process id" },
    { "PPID", "int", "process id of the real parent" },
    { "COMM", "text", "name; the task can change it" },
    { "ARGS", "text", "command line, as the process left it; a kernel thread's name in brackets" },
  },
  args = { { "pid", "int", "only these processes" } },
  needs = { "task_struct.tasks", "task_struct.mm", "mm_struct.arg_start", "mm_struct.arg_end" },
  run = function(k, args, row)
    for t in linux.tasks(k) do
      if eg.matches("pid", t.pid) then
        local line = linux.is_kthread(t) and "[" .. t.comm .. "]" or linux.args(t)
        row { PID = t.pid, PPID = t.real_parent.tgid, COMM = t.comm, ARGS = eg.ok(line) and line:gsub("\0", " ") or line }
      end
    end
  end,
}
