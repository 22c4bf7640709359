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

-- Kinds by the flag of clone() (ns_common.ns_type, since 6.19), and their structs.
local by_flag = { CLONE_NEWNS = "mnt", CLONE_NEWUTS = "uts", CLONE_NEWIPC = "ipc", CLONE_NEWNET = "net", CLONE_NEWCGROUP = "cgroup",
  CLONE_NEWTIME = "time", CLONE_NEWPID = "pid", CLONE_NEWUSER = "user" }
local structs = { mnt = "mnt_namespace", uts = "uts_namespace", ipc = "ipc_namespace", net = "net", cgroup = "cgroup_namespace",
  time = "time_namespace", pid = "pid_namespace", user = "user_namespace" }

-- Namespaces that the kernel knows otherwise than by a process: found(kind, its struct). @mounted: mount namespaces to look into.
local function without_process(k, mounted, found)
  local function common(kind, at)
    if structs[kind or ""] and eg.has_type(structs[kind]) then
      found(kind, eg.object(k, structs[kind], at - eg.offsetof(structs[kind], "ns")))
    end
  end
  -- All of every kind are in one tree (kernel/nstree.c), which has a list of them too.
  if eg.lookup(k, "ns_unified_root") and eg.has("ns_common", "ns_unified_node") then
    local flags = {}
    for name, kind in pairs(by_flag) do flags[linux.clone_flags[name]] = kind end
    local root = eg.symbol(k, "ns_unified_root", "ns_tree_root")
    for ns in eg.list(root.ns_list_head, "ns_common", "ns_unified_node.ns_list_entry") do
      common(flags[eg.value(ns.ns_type, 0)], eg.address(ns))
    end
  end
  if eg.lookup(k, "net_namespace_list") and eg.has_type("net") and eg.has("net", "list") then
    for net in eg.list(eg.symbol(k, "net_namespace_list", "list_head"), "net", "list") do found("net", net) end
  end
  -- An open file or a mount of one has an inode of nsfs (fs/nsfs.c).
  local known = {} -- file systems: is it nsfs?
  local function is_nsfs(sb)
    local at = eg.address(sb)
    if not at or at == 0 then return false end
    if known[at] == nil then known[at] = eg.string(sb.s_type.name, 16) == "nsfs" end
    return known[at]
  end
  local function of_inode(inode)
    if not eg.ok(inode) or eg.address(inode) == 0 or not is_nsfs(inode.i_sb) then return end
    local at = eg.address(inode.i_private)
    if at and at ~= 0 then
      local name = eg.string(eg.object(k, "ns_common", at).ops.name, 32)
      common(type(name) == "string" and name:match("^%a+") or nil, at) -- "pid_for_children" is one of pid
    end
  end
  for _, ns in ipairs(mounted) do
    for mount in linux.mounts(ns) do
      if is_nsfs(mount.mnt.mnt_sb) then of_inode(mount.mnt.mnt_root.d_inode) end
    end
  end
  for t in linux.tasks(k) do
    for _, file in linux.fds(t) do of_inode(file.f_inode) end
  end
end

return plugin {
  name = "namespaces",
  os = "linux",
  help = "List namespaces of every kind, with their inode numbers and processes",
  manual = "Namespaces that a process or one of its threads is in, or would give its children; and those without any (NPROCS is "
    .. "0), which an open file or a mount keeps, as ip netns does. Those are found by such files and mounts, the list of network "
    .. "namespaces, and since Linux 6.19 in the kernel's tree of all namespaces. PIDS lists all processes by the ids of "
    .. "the first namespace. INITIAL compares with process 1, which in an image of a container's host is the host's.",
  aliases = { "ns" },
  columns = {
    { "OFFSET", "addr", "where the namespace is", "minor" },
    { "TYPE", "text", "as in /proc/PID/ns" },
    { "NS", "int", "inode number, as in net:[4026531840]" },
    { "INITIAL", "bool", "process 1 is in it" },
    { "NPROCS", "int", "how many processes; 0: a file or a mount keeps it" },
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
  uses = { "tasks", "threads" },
  key = { "TYPE", "NS" },
  moves = { "NPROCS", "PID", "COMM", "PIDS" },
  run = function(k, args, row)
    local list, by, known = {}, {}, args.type == nil or args.type == "pid" or args.type == "user"
    for _, kind in ipairs(kinds) do known = known or args.type == kind[1] end
    if not known then
      eg.refuse("--type '" .. args.type
        .. "': it is one of mnt, uts, ipc, net, pid, user, cgroup, time, time_for_children, pid_for_children")
    end
    local function add(kind, ns, t, wanted, process)
      local at = eg.ok(ns) and eg.address(ns)
      if not at or at == 0 then return end
      local key = kind .. at
      local seen = by[key]
      if not seen then
        seen = { kind = kind, ns = ns, pids = {}, by = {} }
        by[key] = seen
        list[#list + 1] = seen
      end
      local pid = eg.value(t.tgid, -1)
      if seen.by[pid] then return end -- another thread of it
      seen.pids[#seen.pids + 1] = pid
      seen.by[pid] = process
      seen.wanted = seen.wanted or wanted
      seen.initial = seen.initial or pid == 1
    end

    local function look(t, wanted, process)
      local proxy = t.nsproxy
      if eg.ok(proxy) and eg.address(proxy) ~= 0 then -- else it has ended
        for _, kind in ipairs(kinds) do
          if eg.has(proxy, kind[2]) then add(kind[1], proxy[kind[2]], t, wanted, process) end
        end
      end
      add("pid", pid_ns(k, t), t, wanted, process)
      add("user", t.real_cred.user_ns, t, wanted, process)
    end
    for process in linux.tasks(k) do
      local wanted, own = eg.matches("pid", process.tgid), eg.address(process.nsproxy)
      look(process, wanted, process)
      for t in linux.threads(process) do
        if t ~= process and eg.address(t.nsproxy) ~= own then look(t, wanted, process) end
      end
    end
    if args.pid == nil then
      local mounted = {}
      for _, n in ipairs(list) do
        if n.kind == "mnt" then mounted[#mounted + 1] = n.ns end
      end
      without_process(k, mounted, function(kind, ns)
        local key = kind .. eg.address(ns)
        if not by[key] then
          by[key] = true
          list[#list + 1] = { kind = kind, ns = ns, pids = {}, by = {}, wanted = true }
        end
      end)
    end
    for _, n in ipairs(list) do
      if n.wanted and not (args.others and n.initial) and (not args.type or args.type == n.kind) then
        table.sort(n.pids)
        row {
          OFFSET = n.ns, TYPE = n.kind, NS = n.ns.ns.inum, INITIAL = n.initial or false, NPROCS = #n.pids, PID = n.pids[1],
          COMM = n.pids[1] and n.by[n.pids[1]].comm, PIDS = table.concat(n.pids, " "),
        }
      end
    end
  end,
}
