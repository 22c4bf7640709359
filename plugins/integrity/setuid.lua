-- setuid - processes with rights that their user does not have: ids and capabilities.

local function text_of(caps, full)
  if math.type(caps) ~= "integer" then return caps end
  if caps == 0 then return "" end
  if caps == full then return "all" end
  local names, out = {}, {}
  for name, value in pairs(linux.capabilities) do names[value] = name end
  for bit = 0, 63 do
    if caps >> bit & 1 == 1 then out[#out + 1] = names[1 << bit] or tostring(bit) end
  end
  return table.concat(out, ",")
end

return plugin {
  name = "setuid",
  os = "linux",
  help = "List processes whose effective or saved ids, or capabilities, differ from the real user's",
  manual = "Of each process its first thread; threads can differ by system calls of their own. Full capabilities are "
    .. "those of process 1. A set-id program is told by the mode of the file that runs, whether or not it gave its "
    .. "rights back. Users are numbers of the first user namespace: root within a container of its own has another one, "
    .. "and its capabilities count there only (NS tells). --all shows every process.",
  looks_for = { "processes with another user's rights" },
  columns = {
    { "PID", "int", "process id" },
    { "COMM", "text", "name; the task can change it" },
    { "UID", "int", "real user" },
    { "EUID", "int", "effective user" },
    { "SUID", "int", "saved user: it can go back to it", "minor" },
    { "FSUID", "int", "user for files", "minor" },
    { "GID", "int", "real group", "minor" },
    { "EGID", "int", "effective group" },
    { "SGID", "int", "saved group", "minor" },
    { "FSGID", "int", "group for files", "minor" },
    { "CAP_EFFECTIVE", "text", "capabilities that count now; all: as process 1" },
    { "CAP_PERMITTED", "text", "that it can take", "minor" },
    { "CAP_INHERITABLE", "text", "that it hands on to programs made for it", "minor" },
    { "CAP_AMBIENT", "text", "that it hands on to any program", "minor" },
    { "CAP_BOUNDING", "text", "that it can ever gain", "minor" },
    { "NO_NEW_PRIVS", "bool", "no program can give it more", "minor" },
    { "NS", "int", "inode number of the user namespace of these rights", "minor" },
    { "EXE", "text", "the file that runs" },
    { "REASON", "text", "what differs" },
  },
  args = {
    { "pid", "int", "only these processes" },
    { "all", "flag", "also processes where nothing differs" },
  },
  needs = { "task_struct.real_cred", "cred.uid", "cred.cap_effective" },
  uses = { "tasks", "uid", "caps" },
  key = { "PID" },
  run = function(k, args, row)
    local full, first
    for t in linux.tasks(k) do
      if t.pid == 1 then
        full, first = linux.caps(t.real_cred.cap_effective), eg.address(t.real_cred.user_ns)
        break
      end
    end
    if math.type(full) ~= "integer" then eg.note("the capabilities of process 1 cannot be read: none are called all") end

    for t in linux.tasks(k) do
      local why = {}
      local function say(condition, text)
        if condition then why[#why + 1] = text end
      end
      local c = t.real_cred
      local uid, euid, suid, fsuid = linux.uid(c), linux.euid(c), linux.suid(c), linux.fsuid(c)
      local gid, egid, sgid, fsgid = linux.gid(c), linux.egid(c), linux.sgid(c), linux.fsgid(c)
      local effective, permitted = linux.caps(c.cap_effective), linux.caps(c.cap_permitted)
      local inheritable, bounding = linux.caps(c.cap_inheritable), linux.caps(c.cap_bset)
      local ambient = eg.has(c, "cap_ambient") and linux.caps(c.cap_ambient) or nil
      local kernel = linux.is_kthread(t)
      local file = not kernel and eg.ok(t.mm) and eg.address(t.mm.exe_file) and t.mm.exe_file
      local mode = file and eg.ok(file) and eg.value(linux.file_inode(file).i_mode, 0) or 0

      local function differs(a, b)
        return math.type(a) == "integer" and math.type(b) == "integer" and a ~= b
      end
      local function any(caps)
        return math.type(caps) == "integer" and caps ~= 0
      end
      say(differs(uid, euid), "effective user")
      say(differs(uid, suid), "saved user")
      say(differs(euid, fsuid), "user for files")
      say(differs(gid, egid), "effective group")
      say(differs(gid, sgid), "saved group")
      say(differs(egid, fsgid), "group for files")
      local own = first ~= nil and eg.address(c.user_ns) ~= first
      say(math.type(euid) == "integer" and euid ~= 0 and (any(effective) or any(permitted)),
        own and "capabilities in a user namespace of its own" or "capabilities without being root")
      say(any(ambient), "ambient capabilities")
      say(euid == 0 and not kernel and differs(effective, full), "root without all capabilities")
      say(differs(eg.address(t.cred), eg.address(c)), "other credentials for a while")
      say(mode & linux.mode.S_ISUID ~= 0, "set-user-id program")
      say(mode & linux.mode.S_ISGID ~= 0 and mode & linux.mode.S_IXGRP ~= 0, "set-group-id program")

      if eg.matches("pid", t.pid) and (args.all or #why > 0) then
        row {
          PID = t.pid, COMM = t.comm, UID = uid, EUID = euid, SUID = suid, FSUID = fsuid, GID = gid, EGID = egid,
          SGID = sgid, FSGID = fsgid, CAP_EFFECTIVE = text_of(effective, full), CAP_PERMITTED = text_of(permitted, full),
          CAP_INHERITABLE = text_of(inheritable, full), CAP_AMBIENT = text_of(ambient, full),
          CAP_BOUNDING = text_of(bounding, full),
          NO_NEW_PRIVS = eg.has(t, "atomic_flags") and math.type(t.atomic_flags) == "integer" and t.atomic_flags & 1 == 1 or false,
          NS = c.user_ns.ns.inum, EXE = file and linux.exe(t) or nil, REASON = table.concat(why, "; "),
        }
      end
    end
  end,
}
