-- cgroups - each process's control groups, as /proc/PID/cgroup shows them.

local CSS_ONLINE = 1 << 1
local SUBSYSTEMS = 32 -- at most; kernels have about 14

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
  uses = { "tasks", "cgroups", "cgroup_path", "container", "container_runtime" },
  key = { "PID", "HIERARCHY" },
  run = function(k, args, row)
    local groups = {} -- by the place of the css_set, which processes share: { hierarchy, controllers, path, dead, unified }

    local function read(t, set)
      local out = {}
      for cgroup in linux.cgroups(t) do
        local root = cgroup.root
        out[#out + 1] = { id = root.hierarchy_id, controllers = controllers(set, root), path = linux.cgroup_path(cgroup),
          unified = set.dfl_cgrp.root == root, dead = eg.value(cgroup.self.flags, CSS_ONLINE) & CSS_ONLINE == 0,
          container = linux.container(cgroup), runtime = linux.container_runtime(cgroup) }
      end
      table.sort(out, function(a, b) return eg.value(a.id, -1) > eg.value(b.id, -1) end)
      return out
    end

    for t in linux.tasks(k) do
      local set = eg.matches("pid", t.pid) and t.cgroups
      local at = set and eg.ok(set) and eg.address(set)
      if at and at ~= 0 then
        groups[at] = groups[at] or read(t, set)
        for _, g in ipairs(groups[at]) do
          local path, id, runtime = g.path, g.container, g.runtime
          if type(path) ~= "string" then path, id = nil, nil end
          if not g.unified and eg.value(t.flags, 0) & linux.task_flags.PF_EXITING ~= 0 then
            path, id, runtime = "/", nil, nil
          end
          if id == "" then id, runtime = nil, nil end
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
