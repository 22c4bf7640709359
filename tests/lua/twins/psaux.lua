-- psaux as plugins/process/psaux.c has it: the same rows, to the byte.
return plugin {
  name = "lua_psaux",
  os = "linux",
  help = "psaux in Lua",
  columns = {
    { "PID", "int", "process id" },
    { "PPID", "int", "process id of the real parent" },
    { "COMM", "text", "name; the task can change it" },
    { "EUID", "int", "effective user" },
    { "CREATION_TIME", "time", "when it was created; moves with the wall clock" },
    { "ARGS", "text", "command line, as the process left it; a kernel thread's name in brackets" },
  },
  args = { { "pid", "int", "only these processes" } },
  needs = { "task_struct.tasks", "task_struct.mm", "mm_struct.arg_start", "mm_struct.arg_end" },
  run = function(k, args, row)
    local boot = linux.boot_time()
    local renamed = eg.has("task_struct", "start_boottime") -- since 5.5

    for t in linux.tasks(k) do
      if eg.matches("pid", t.pid) then
        local line = linux.is_kthread(t) and "[" .. linux.task_name(t) .. "]" or linux.args(t)
        local started = renamed and t.start_boottime or not renamed and t.real_start_time
        row {
          PID = t.pid, PPID = t.real_parent.tgid, COMM = t.comm, EUID = t.real_cred.euid.val,
          CREATION_TIME = eg.ok(started) and eg.ok(boot) and started + boot or started,
          ARGS = eg.ok(line) and line:gsub("\0", " ") or line,
        }
      end
    end
  end,
}
