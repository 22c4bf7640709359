-- deleted - programs and mappings whose file is in no folder any more, or never was.

return plugin {
  name = "deleted",
  os = "linux",
  help = "List processes that run from, map, or have open, deleted files and memory files",
  manual = "One row for the program itself (KIND exe), one for each mapping and each open file. A package that was upgraded below a "
    .. "running service looks the same as a program that took itself away: the inode and its links tell no more. Shared "
    .. "memory (System V, /dev/zero, huge pages) is a file without a folder too: REASON says so. Files that only the kernel holds are in `lsof`, orphans that nobody has open in `inodes`.",
  looks_for = { "deleted files in use" },
  columns = {
    { "PID", "int", "process id" },
    { "COMM", "text", "name; the task can change it" },
    { "KIND", "text", "exe: the program that runs; mapping; fd" },
    { "FD", "int", "number of the open file" },
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
    { "exe", "flag", "only programs, no mappings and open files" },
  },
  needs = { "task_struct.mm", "mm_struct.exe_file" },
  uses = { "tasks", "vmas" },
  run = function(k, args, row)
    local has_files = eg.has("task_struct", "files") and eg.has_type("fdtable")

    local function emit(t, kind, file, why, vma, fd)
      local inode = linux.file_inode(file)
      row {
        PID = t.tgid, COMM = t.comm, KIND = kind, FD = fd, REASON = why, START = vma and vma.vm_start, END = vma and vma.vm_end,
        FLAGS = vma and linux.vma_flags(vma), INODE = eg.at(inode, "i_ino"), LINKS = inode.i_nlink, SIZE = inode.i_size,
        PATH = linux.file_path(file),
      }
    end

    local function open_files(t)
      local seen = {} -- threads share a table as a rule
      for thread in linux.threads(t) do
        local at = eg.address(eg.at(thread, "files"))
        if at and at ~= 0 and not seen[at] then
          seen[at] = true
          for fd, file in linux.fds(thread) do
            local gone = eg.ok(file) and linux.file_gone(file)
            if type(gone) == "string" then emit(thread, "fd", file, gone, nil, fd) end
          end
        end
      end
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
      if has_files and not args.exe and eg.matches("pid", t.tgid) then open_files(t) end
    end
  end,
}
