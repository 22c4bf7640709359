-- deleted - programs and mappings whose file is in no folder any more, or never was.

return plugin {
  name = "deleted",
  os = "linux",
  help = "List processes that run from, or map, deleted files and memory files",
  manual = "One row for the program itself (KIND exe) and one for each mapping. A package that was upgraded below a "
    .. "running service looks the same as a program that took itself away: the inode and its links tell no more. Shared "
    .. "memory (System V, /dev/zero, huge pages) is a file without a folder too: REASON says so. Files that are only open are not here.",
  looks_for = { "deleted files in use" },
  columns = {
    { "PID", "int", "process id" },
    { "COMM", "text", "name; the task can change it" },
    { "KIND", "text", "exe: the program that runs; mapping" },
    { "REASON", "text", "removed, memfd, System V, huge pages, shared memory" },
    { "START", "addr", "first address of the mapping" },
    { "END", "addr", "first address behind it" },
    { "FLAGS", "flags", "read, write, execute, private or shared" },
    { "INODE", "int", "inode number of the file", "minor" },
    { "LINKS", "int", "names that the file still has; more than 0: only this one was removed", "minor" },
    { "SIZE", "int", "bytes of the file", "minor" },
    { "PATH", "text", "the name that it had" },
  },
  args = {
    { "pid", "int", "only these processes" },
    { "exe", "flag", "only programs, no mappings" },
  },
  needs = { "task_struct.mm", "mm_struct.exe_file" },
  uses = { "tasks", "vmas" },
  run = function(k, args, row)
    local function emit(t, kind, file, why, vma)
      local inode = linux.file_inode(file)
      row {
        PID = t.pid, COMM = t.comm, KIND = kind, REASON = why, START = vma and vma.vm_start, END = vma and vma.vm_end,
        FLAGS = vma and linux.vma_flags(vma), INODE = eg.at(inode, "i_ino"), LINKS = inode.i_nlink, SIZE = inode.i_size,
        PATH = linux.file_path(file),
      }
    end

    for t in linux.tasks(k) do
      local mm = t.mm
      if eg.matches("pid", t.pid) and eg.ok(mm) and eg.address(mm) ~= 0 then
        local why = eg.address(mm.exe_file) and linux.file_gone(mm.exe_file)
        if type(why) == "string" then emit(t, "exe", mm.exe_file, why) end
        for vma in args.exe and function() end or linux.vmas(mm) do
          local file = vma.vm_file
          local gone = eg.ok(file) and eg.address(file) ~= 0 and linux.file_gone(file)
          if type(gone) == "string" then emit(t, "mapping", file, gone, vma) end
        end
      end
    end
  end,
}
