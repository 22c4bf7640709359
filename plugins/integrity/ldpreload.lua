-- ldpreload - what makes the dynamic linker load other code: three variables, and one file.

local watched = { LD_PRELOAD = true, LD_AUDIT = true, LD_LIBRARY_PATH = true }

-- Paths of all files that are mapped.
local function mapped(t)
  local paths = {}
  for vma in linux.vmas(t.mm) do
    local name = linux.vma_name(t.mm, vma)
    if type(name) == "string" and name:sub(1, 1) == "/" then paths[name:gsub(" %(deleted%)$", "")] = true end
  end
  return paths
end

-- Of the objects that a value names, separated by blanks or colons: which are mapped.
local function loaded(value, paths)
  local has, lacks = {}, {}
  for name in value:gmatch("[^ :]+") do
    local is = paths[name]
    local base = name:match("[^/]*$")
    for path in pairs(paths) do -- a bare name was searched for; a link has another name: the last part decides
      is = is or path:match("[^/]*$") == base
    end
    table.insert(is and has or lacks, name)
  end
  return table.concat(has, " "), table.concat(lacks, " ")
end

-- The entry @name of a folder in the dentry cache; nil: it is not there.
local function child(dentry, name)
  local function named(d)
    local q = eg.has(d, "__d_name") and d.__d_name or d.d_name
    return eg.string(q.name, 256) == name and eg.value(q.len, 0) == #name
  end
  local all = eg.has(dentry, "d_children") and eg.hlist(dentry.d_children, "dentry", "d_sib") -- since 6.8
    or eg.list(dentry.d_subdirs, "dentry", "d_child")
  local found
  for d in all do
    if named(d) and (not found or eg.address(d.d_inode) ~= 0) then found = d end
  end
  return found
end

local function preload_file(k, row)
  local init
  for t in linux.tasks(k) do
    if t.pid == 1 then init = t end
  end
  local at = init and eg.deref(init.fs.root.dentry)
  for _, name in ipairs { "etc", "ld.so.preload" } do
    at = at and eg.ok(at) and child(at, name)
  end
  if not at or not eg.ok(at) or not eg.address(at.d_inode) or eg.address(at.d_inode) == 0 then return end
  local inode, text = at.d_inode, nil
  local size = eg.value(inode.i_size, 0)
  for index, page in eg.xarray(inode.i_mapping.i_pages, "page") do
    local place = index == 0 and type(page) ~= "number" and linux.page_address(page)
    if math.type(place) == "integer" then text = eg.read(eg.physical(k), place, math.min(size, 4096)) end
  end
  row { KEY = "/etc/ld.so.preload", VALUE = text, HINTS = ("the file is there, %d bytes%s"):format(size,
    text and "" or "; its text is not in the page cache") }
end

return plugin {
  name = "ldpreload",
  os = "linux",
  help = "List what makes the dynamic linker load other code: variables, ld.so.preload",
  manual = "The environment is the one of exec, which a process can write over; set-id programs take no notice of these "
    .. "variables. What is mapped is told by the names of files. /etc/ld.so.preload is looked for below init's root, in "
    .. "the cache of names: a file that nobody opened is not there, and those of containers are not looked for. Of its "
    .. "text the first page is shown.",
  looks_for = { "preloaded libraries" },
  columns = {
    { "PID", "int", "process id; none of the file" },
    { "COMM", "text", "name; the task can change it" },
    { "KEY", "text", "the variable, or the file" },
    { "VALUE", "text", "its value, or the file's text" },
    { "MAPPED", "text", "of the objects of LD_PRELOAD and LD_AUDIT: those that are mapped" },
    { "HINTS", "text", "what is odd" },
  },
  args = { { "pid", "int", "only these processes" } },
  uses = { "tasks", "envars" },
  run = function(k, args, row)
    for t in linux.tasks(k) do
      for key, value in eg.matches("pid", t.pid) and linux.envars(t) or function() end do
        if value and watched[key] then
          local has, lacks
          if key ~= "LD_LIBRARY_PATH" then has, lacks = loaded(value, mapped(t)) end
          row { PID = t.pid, COMM = t.comm, KEY = key, VALUE = value, MAPPED = has,
            HINTS = lacks and lacks ~= "" and "not mapped: " .. lacks or nil }
        end
      end
    end
    if args.pid == nil then preload_file(k, row) end
  end,
}
