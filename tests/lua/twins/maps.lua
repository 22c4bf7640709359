-- maps as plugins/process/maps.c has it: the same rows, to the byte.

local READ, WRITE, EXEC, MAYSHARE = 1, 2, 4, 0x80
local MODE_NONE, HAS_VSYSCALL = 2, 2 -- arch/x86/entry/vsyscall; asm/mmu.h

local function flags_of(vma)
  local f = vma.vm_flags
  if not eg.ok(f) then return f end
  return (f & READ ~= 0 and "r" or "-") .. (f & WRITE ~= 0 and "w" or "-") .. (f & EXEC ~= 0 and "x" or "-")
    .. (f & MAYSHARE ~= 0 and "s" or "p")
end

-- The page of the old system calls is in every 64-bit process, and in no list.
local function vsyscall(k, mm)
  local gate, mode = k.gate_vma, k.vsyscall_mode
  if eg.ok(gate) and eg.ok(mode) and mode ~= MODE_NONE and eg.has(mm, "context.flags")
    and eg.value(mm.context.flags, 0) & HAS_VSYSCALL ~= 0 then
    return gate
  end
end

return plugin {
  name = "lua_maps",
  os = "linux",
  help = "maps in Lua",
  columns = {
    { "PID", "int", "process id" },
    { "COMM", "text", "name; the task can change it" },
    { "START", "addr", "first address" },
    { "END", "addr", "first address behind it" },
    { "FLAGS", "flags", "read, write, execute, private or shared" },
    { "PGOFF", "addr", "offset in the file, in bytes; 0 where there is no file" },
    { "MAJOR", "int", "device of the file system: its driver's number; 0 where there is no file" },
    { "MINOR", "int", "device of the file system: its number there; 0 where there is no file" },
    { "INODE", "int", "inode number of the file; 0 where there is no file" },
    { "PATH", "text", "the file, or the kernel's word for it: [heap], [stack], [vdso]" },
  },
  args = { { "pid", "int", "only these processes" } },
  needs = { "task_struct.tasks", "task_struct.mm", "vm_area_struct.vm_start" },
  run = function(k, args, row)
    local shift = linux.page_shift()

    local function emit(t, mm, vma)
      local file = vma.vm_file
      local off, dev, inode = 0, 0, 0
      if eg.address(file) ~= 0 then
        local node = linux.file_inode(file)
        off, dev, inode = vma.vm_pgoff, node.i_sb.s_dev, eg.at(node, "i_ino") -- unsigned, which an integer of Lua is not
        if eg.ok(off) then off = off << shift end
      end
      row {
        PID = t.pid, COMM = t.comm, START = vma.vm_start, END = vma.vm_end, FLAGS = flags_of(vma), PGOFF = off,
        MAJOR = eg.ok(dev) and dev >> 20 or dev, MINOR = eg.ok(dev) and dev & 0xfffff or dev, INODE = inode,
        PATH = linux.vma_name(mm, vma),
      }
    end

    for t in linux.tasks(k) do
      if eg.matches("pid", t.pid) then
        local mm = t.mm
        for vma in linux.vmas(mm) do emit(t, mm, vma) end
        local gate = vsyscall(k, mm)
        if gate then emit(t, mm, gate) end
      end
    end
  end,
}
