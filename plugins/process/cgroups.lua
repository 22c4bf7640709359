-- cgroups - each process's control groups, as /proc/PID/cgroup shows them.

local CSS_ONLINE = 1 << 1
local SUBSYSTEMS = 32 -- at most; kernels have about 14

-- A group's path in its hierarchy: names of kernfs nodes up to the root.
local function path_of(cgroup)
  local parts, node = {}, cgroup.kn
  for _ = 1, 256 do
    local up = eg.ok(node) and (eg.has(node, "__parent") and node.__parent or node.parent) -- renamed in 6.15
    if not up or not eg.ok(up) then return nil end
    if eg.address(up) == 0 then return #parts > 0 and table.concat(parts) or "/" end
    local name = eg.string(node.name, 256)
    if type(name) ~= "string" then return nil end
    table.insert(parts, 1, "/" .. name)
    node = up
  end
end

-- The names by which /proc calls what a hierarchy controls.
local function controllers(set, root)
  local names = {}
  if set.dfl_cgrp.root ~= root then
    for i = 0, math.min(#set.subsys, SUBSYSTEMS) - 1 do
      local css = set.subsys[i]
      if eg.ok(css) and eg.address(css) ~= 0 and css.cgroup.root == root then
        local name = eg.string(css.ss.legacy_name, 64)
        names[#names + 1] = type(name) == "string" and name or "?"
      end
    end
  end
  local own = root.name
  if type(own) == "string" and own ~= "" then names[#names + 1] = "name=" .. own end
  return table.concat(names, ",")
end

-- Paths that runtimes make: what looks like a container's id, and who makes such paths.
local function container(path)
  local runtimes = {
    { "docker%-(%x+)%.scope", "docker" }, { "/docker/(%x+)", "docker" }, { "libpod%-conmon%-(%x+)%.scope", "podman's monitor" },
    { "libpod%-(%x+)%.scope", "podman" }, { "/libpod%-(%x+)", "podman" }, { "cri%-containerd%-(%x+)%.scope", "containerd" },
    { "cri%-containerd:(%x+)", "containerd" }, { "crio%-(%x+)%.scope", "cri-o" }, { "/lxc%.payload%.([^/]+)", "lxc" },
    { "/lxc/([^/]+)", "lxc" }, { "/machine%.slice/machine%-([^/]+)%.scope", "systemd-nspawn or libvirt" },
    { "/kubepods.*/(%x+)$", "kubernetes" },
  }
  for _, r in ipairs(runtimes) do
    local id = path:match(r[1])
    if id and (not r[1]:find("%x", 1, true) or #id >= 12) then return id, r[2] end
  end
  local id = path:match("/(%x+)$")
  if id and #id == 64 then return id, "unknown" end
end

return plugin {
  name = "cgroups",
  os = "linux",
  help = "List the control groups of processes, with a guess at their container",
  manual = "One row for each hierarchy: 0 is the unified one (version 2). Paths are from the root of the hierarchy, as a "
    .. "reader outside of any cgroup namespace sees them. CONTAINER and RUNTIME are guesses from the names that "
    .. "runtimes give to groups: anybody who may make groups can make such names, and a runtime that is told to can use "
    .. "others. Groups without a process are not listed.",
  columns = {
    { "PID", "int", "process id" },
    { "COMM", "text", "name; the task can change it" },
    { "HIERARCHY", "int", "its number; 0: version 2" },
    { "CONTROLLERS", "text", "what the hierarchy controls, and its name; empty of version 2" },
    { "CGROUP", "text", "the group" },
    { "CONTAINER", "text", "what in the path looks like a container's id: a guess" },
    { "RUNTIME", "text", "who makes such paths: a guess" },
  },
  args = {
    { "pid", "int", "only these processes" },
    { "containers", "flag", "only those whose path looks like a container's" },
  },
  needs = { "task_struct.cgroups", "css_set.cgrp_links" },
  uses = { "tasks" },
  run = function(k, args, row)
    local groups = {} -- by the place of the css_set, which processes share: { hierarchy, controllers, path, dead, unified }

    local function read(set)
      local out = {}
      for link in eg.list(set.cgrp_links, "cgrp_cset_link", "cgrp_link") do
        local cgroup = link.cgrp
        local root = cgroup.root
        out[#out + 1] = { id = root.hierarchy_id, controllers = controllers(set, root), path = path_of(cgroup),
          unified = set.dfl_cgrp.root == root, dead = eg.value(cgroup.self.flags, CSS_ONLINE) & CSS_ONLINE == 0 }
      end
      table.sort(out, function(a, b) return eg.value(a.id, -1) > eg.value(b.id, -1) end)
      return out
    end

    for t in linux.tasks(k) do
      local set = eg.matches("pid", t.pid) and t.cgroups
      local at = set and eg.ok(set) and eg.address(set)
      if at and at ~= 0 then
        groups[at] = groups[at] or read(set)
        for _, g in ipairs(groups[at]) do
          local path = g.path
          if not g.unified and eg.value(t.flags, 0) & linux.task_flags.PF_EXITING ~= 0 then path = "/" end
          local id, runtime
          if path then id, runtime = container(path) end
          if path and g.unified and g.dead then path = path .. " (deleted)" end
          if not path then eg.note("process " .. tostring(t.pid) .. ": the path of a group cannot be read") end
          if id or not args.containers then
            row { PID = t.pid, COMM = t.comm, HIERARCHY = g.id, CONTROLLERS = g.controllers,
              CGROUP = path, CONTAINER = id, RUNTIME = runtime }
          end
        end
      elseif set then
        eg.note("process " .. tostring(t.pid) .. ": its groups cannot be read")
      end
    end
  end,
}
