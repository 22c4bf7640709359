-- namespaces - each namespace that a process is in, once, with its processes.

-- The kinds by the names of /proc/PID/ns, each a place below nsproxy.
local kinds = {
  { "mnt", "mnt_ns" }, { "uts", "uts_ns" }, { "ipc", "ipc_ns" }, { "net", "net_ns" }, { "cgroup", "cgroup_ns" },
  { "time", "time_ns" }, { "time_for_children", "time_ns_for_children" }, { "pid_for_children", "pid_ns_for_children" },
}

-- The pid namespace of a task is that of its innermost id.
local function pid_ns(k, t)
  local pid = eg.has(t, "thread_pid") and t.thread_pid or t.pids[0].pid
  local level = pid.level
  local first = eg.at(pid, "numbers[0]") -- declared with one element, or with none
  if math.type(level) ~= "integer" or level > 32 or not eg.ok(first) then return nil end
  return eg.object(k, "upid", eg.address(first) + level * eg.sizeof("upid")).ns
end

return plugin {
  name = "namespaces",
  os = "linux",
  help = "List namespaces of every kind, with their inode numbers and processes",
  manual = "Namespaces that a process is in, or would give its children. One that only an open file or a mount keeps (ip "
    .. "netns without a process) is not here. PIDS lists all processes by the ids of the first namespace; threads of one "
    .. "process that went elsewhere are not looked at. INITIAL compares with process 1, which in an image of a "
    .. "container's host is the host's.",
  columns = {
    { "OFFSET", "addr", "where the namespace is", "minor" },
    { "TYPE", "text", "as in /proc/PID/ns" },
    { "NS", "int", "inode number, as in net:[4026531840]" },
    { "INITIAL", "bool", "process 1 is in it" },
    { "NPROCS", "int", "how many processes" },
    { "PID", "int", "the lowest of them" },
    { "COMM", "text", "its name" },
    { "PIDS", "text", "all of them", "list" },
  },
  args = {
    { "pid", "int", "only the namespaces of these processes" },
    { "type", "text", "only this kind" },
    { "others", "flag", "only those that process 1 is not in" },
  },
  needs = { "task_struct.nsproxy", "ns_common.inum" },
  uses = { "tasks" },
  run = function(k, args, row)
    local list, by, known = {}, {}, args.type == nil or args.type == "pid" or args.type == "user"
    for _, kind in ipairs(kinds) do known = known or args.type == kind[1] end
    if not known then
      eg.note("--type " .. args.type .. ": no such kind: mnt, uts, ipc, net, pid, user, cgroup, time and those _for_children")
    end
    local function add(kind, ns, t, wanted)
      local at = eg.ok(ns) and eg.address(ns)
      if not at or at == 0 or (args.type and args.type ~= kind) then return end
      local key = kind .. at
      local seen = by[key]
      if not seen then
        seen = { kind = kind, ns = ns, pids = {}, by = {} }
        by[key] = seen
        list[#list + 1] = seen
      end
      local pid = eg.value(t.pid, -1)
      seen.pids[#seen.pids + 1] = pid
      seen.by[pid] = t
      seen.wanted = seen.wanted or wanted
      seen.initial = seen.initial or pid == 1
    end

    for t in linux.tasks(k) do
      local wanted = eg.matches("pid", t.pid)
      local proxy = t.nsproxy
      if eg.ok(proxy) and eg.address(proxy) ~= 0 then -- else it has ended
        for _, kind in ipairs(kinds) do
          if eg.has(proxy, kind[2]) then add(kind[1], proxy[kind[2]], t, wanted) end
        end
      end
      add("pid", pid_ns(k, t), t, wanted)
      add("user", t.real_cred.user_ns, t, wanted)
    end
    for _, n in ipairs(list) do
      if n.wanted and not (args.others and n.initial) then
        table.sort(n.pids)
        row {
          OFFSET = n.ns, TYPE = n.kind, NS = n.ns.ns.inum, INITIAL = n.initial or false, NPROCS = #n.pids, PID = n.pids[1],
          COMM = n.by[n.pids[1]].comm, PIDS = table.concat(n.pids, " "),
        }
      end
    end
  end,
}
