-- pstree as plugins/process/pstree.c has it: the same rows, to the byte.
return plugin {
  name = "lua_pstree",
  os = "linux",
  help = "pstree in Lua",
  columns = {
    { "OFFSET", "addr", "where the task_struct is" },
    { "PID", "int", "process id" },
    { "TID", "int", "thread id" },
    { "PPID", "int", "process id of the real parent" },
    { "COMM", "text", "name; the task can change it" },
    { "ARGS", "text", "with --args: command line, of a kernel thread its name in brackets" }, -- which this twin has not
  },
  args = { { "pid", "int", "only what is under these processes, and they themselves" } },
  needs = { "task_struct.tasks", "task_struct.real_parent" },
  tree = true,
  run = function(k, args, row)
    local nodes, at = {}, {}

    for t in linux.tasks(k) do
      local node = { task = t, children = {} }
      nodes[#nodes + 1] = node
      at[eg.address(t)] = node
    end
    for _, node in ipairs(nodes) do
      local above = at[eg.address(node.task.real_parent.group_leader)] -- the parent may be any thread of a process
      if above and above ~= node then
        node.parent = above
        table.insert(above.children, node)
      end
    end

    -- A subtree, each node once: so a ring of parents ends where it began.
    local function draw(top)
      local todo = { { top, 0 } }
      while #todo > 0 do
        local node, depth = table.unpack(table.remove(todo))
        local t = node.task
        if not node.done then
          row({ OFFSET = t, PID = t.tgid, TID = t.pid, PPID = t.real_parent.tgid, COMM = t.comm }, depth)
          node.done = true
          for i = #node.children, 1, -1 do todo[#todo + 1] = { node.children[i], depth + 1 } end
        end
      end
    end

    if args.pid then
      for _, node in ipairs(nodes) do
        if not node.done and eg.matches("pid", node.task.pid) then draw(node) end
      end
      return
    end
    for _, node in ipairs(nodes) do
      if not node.parent then draw(node) end
    end
    for _, node in ipairs(nodes) do
      if not node.done then
        eg.note("the parents of process " .. node.task.pid .. " go in a ring")
        draw(node)
      end
    end
  end,
}
