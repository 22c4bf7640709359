-- pslist as plugins/process/pslist.c has it: the same rows, to the byte.

local exit_states = { [0] = "TASK_RUNNING", [0x10] = "EXIT_DEAD", [0x20] = "EXIT_ZOMBIE", [0x30] = "EXIT_TRACE" }

-- Its ids from the outermost pid namespace inwards.
local function nspid(k, t)
  local pid = t.thread_pid
  local level, first = pid.level, pid.numbers
  if not eg.ok(level) then return level end
  local text = {}
  for i = 0, math.min(level, 31) do
    local nr = eg.object(k, "upid", eg.address(first) + i * eg.sizeof("upid")).nr
    if not eg.ok(nr) then return nr end
    text[i + 1] = nr
  end
  return table.concat(text, ",")
end

return plugin {
  name = "lua_pslist",
  os = "linux",
  help = "pslist in Lua",
  columns = {
    { "OFFSET", "addr", "where the task_struct is" },
    { "PID", "int", "process id" },
    { "TID", "int", "thread id" },
    { "PPID", "int", "process id of the real parent" },
    { "COMM", "text", "name; the task can change it" },
    { "UID", "int", "real user" },
    { "GID", "int", "real group" },
    { "EUID", "int", "effective user" },
    { "EGID", "int", "effective group" },
    { "STATE", "text", "letter of /proc/PID/stat" },
    { "CREATION_TIME", "time", "when it was created; moves with the wall clock" },
    { "NSPID", "text", "its id in each pid namespace, the outermost first" },
    { "EXIT_STATE", "text", "EXIT_ZOMBIE, EXIT_DEAD; TASK_RUNNING while it has not ended" },
  },
  args = {
    { "pid", "int", "only these processes" },
    { "threads", "flag", "every thread, not only the leaders" },
  },
  needs = { "task_struct.tasks", "task_struct.pid", "task_struct.comm" },
  run = function(k, args, row)
    local boot = linux.boot_time()
    local renamed = eg.has("task_struct", "start_boottime") -- since 5.5

    local function emit(t)
      local cred = t.real_cred
      local started = renamed and t.start_boottime or not renamed and t.real_start_time
      row {
        OFFSET = t, PID = t.tgid, TID = t.pid, PPID = t.real_parent.tgid, COMM = t.comm, UID = cred.uid.val,
        GID = cred.gid.val, EUID = cred.euid.val, EGID = cred.egid.val, STATE = linux.state(t),
        CREATION_TIME = eg.ok(started) and eg.ok(boot) and started + boot or started, NSPID = nspid(k, t),
        EXIT_STATE = exit_states[t.exit_state] or t.exit_state,
      }
    end

    for leader in linux.tasks(k) do
      if not eg.matches("pid", leader.pid) then -- not this one
      elseif args.threads then
        for t in linux.threads(leader) do emit(t) end
      else
        emit(leader)
      end
    end
  end,
}
