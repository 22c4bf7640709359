-- ldrmodules - libraries of processes that mappings and loaders' lists do not agree about.
return plugin {
  name = "ldrmodules",
  os = "linux",
  help = "Find libraries that mappings and the loader's list do not agree about",
  manual = "The rows of library_list that have a reason: an ELF file that was mapped by hand, taken out of the list, or written into "
    .. "executable anonymous memory; an entry of the list that nothing is mapped for. library_list shows all, and its help says what "
    .. "neither can see. Programs that load code by themselves (emulators, some language runtimes) show too.",
  aliases = { "linux_ldrmodules" },
  looks_for = { "hidden libraries" },
  columns = {
    { "PID", "int", "process id" },
    { "COMM", "text", "name; the task can change it" },
    { "LOAD_ADDRESS", "addr", "where its ELF header is; of one that is only listed, what was added to its addresses" },
    { "PATH", "text", "the file that is mapped; of one that is only listed, as the loader calls it" },
    { "IN_LIST", "bool", "the loader has it in its list" },
    { "IN_MAPS", "bool", "it is mapped" },
    { "HINTS", "text", "static, musl, a namespace of dlmopen(), a removed file" },
    { "REASON", "text", "what does not agree: list and mappings, or the list itself" },
  },
  args = { { "pid", "int", "only these processes" } },
  needs = { "task_struct.mm" },
  uses = { "tasks", "vmas" },
  run = function(k, args, row)
    for _, r in ipairs(eg.rows("library_list", { odd = true, pid = args.pid })) do
      row {
        PID = r.PID, COMM = r.COMM, LOAD_ADDRESS = r.LOAD_ADDRESS, PATH = r.PATH, IN_LIST = r.IN_LIST, IN_MAPS = r.IN_MAPS,
        HINTS = r.HINTS, REASON = r.REASON,
      }
    end
  end,
}
