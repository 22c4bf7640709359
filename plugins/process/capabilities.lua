-- capabilities - the capabilities of every process or thread, by name.

local SETS = { CAP_EFFECTIVE = "cap_effective", CAP_PERMITTED = "cap_permitted", CAP_INHERITABLE = "cap_inheritable",
  CAP_AMBIENT = "cap_ambient", CAP_BOUNDING = "cap_bset" }

return plugin {
  name = "capabilities",
  os = "linux",
  help = "List the capabilities of processes by name",
  manual = "They count in the user namespace NS: in one that is not the first, root of a container has all of them. Threads can "
    .. "differ: --threads. setuid lists those processes whose rights are not those of their user.",
  aliases = { "linux.capabilities.Capabilities" },
  columns = {
    { "PID", "int", "process id" },
    { "TID", "int", "thread id", "minor" },
    { "PPID", "int", "process id of the real parent" },
    { "COMM", "text", "name; the task can change it" },
    { "EUID", "int", "effective user" },
    { "CAP_EFFECTIVE", "text", "capabilities that count now; all: as process 1" },
    { "CAP_PERMITTED", "text", "that it can take" },
    { "CAP_INHERITABLE", "text", "that it hands on to programs made for it" },
    { "CAP_AMBIENT", "text", "that it hands on to any program" },
    { "CAP_BOUNDING", "text", "that it can ever gain", "minor" },
    { "NS", "int", "inode number of the user namespace where they count", "minor" },
  },
  args = {
    { "pid", "int", "only these processes" },
    { "threads", "flag", "every thread" },
    { "some", "flag", "only those with a capability" },
  },
  needs = { "task_struct.real_cred", "cred.cap_effective" },
  uses = { "tasks", "threads", "caps", "caps_text", "euid", "ppid" },
  key = { "PID", "TID" },
  run = function(k, args, row)
    local full
    for t in linux.tasks(k) do
      if t.pid == 1 then
        full = linux.caps(t.real_cred.cap_effective)
        break
      end
    end
    if math.type(full) ~= "integer" then eg.note("the capabilities of process 1 cannot be read: none are called all") end

    local function show(t)
      local c, out = t.real_cred, {}
      local any = false
      for column, member in pairs(SETS) do
        if eg.has("cred", member) then -- cap_ambient since 4.3
          local set = c[member]
          local bits = linux.caps(set)
          if math.type(bits) ~= "integer" then
            out[column] = bits
            any = true
          else
            out[column] = bits ~= 0 and bits == full and "all" or linux.caps_text(set)
            any = any or bits ~= 0 and member ~= "cap_bset"
          end
        end
      end
      if any or not args.some then
        out.PID, out.TID, out.PPID, out.COMM, out.EUID = t.tgid, t.pid, linux.ppid(t), t.comm, linux.euid(c)
        out.NS = c.user_ns.ns.inum
        row(out)
      end
    end
    for process in linux.tasks(k) do
      if eg.matches("pid", process.tgid) then
        if args.threads then
          for t in linux.threads(process) do show(t) end
        else
          show(process)
        end
      end
    end
  end,
}
