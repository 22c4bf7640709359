-- elfs - ELF headers at the start of mappings.

-- include/uapi/linux/elf-em.h
local machines = {
  [2] = "SPARC", [3] = "x86", [8] = "MIPS", [20] = "PowerPC", [21] = "PowerPC64", [22] = "S390", [40] = "ARM",
  [62] = "x86-64", [183] = "AArch64", [243] = "RISC-V", [247] = "BPF", [258] = "LoongArch",
}
local types = { [0] = "NONE", "REL", "EXEC", "DYN", "CORE" }
local LOAD, DYNAMIC, INTERP = 1, 2, 3

-- The header as a table; nil: the bytes are none.
local function header(bytes)
  local class, data, version = bytes:byte(5, 7)
  if (class ~= 1 and class ~= 2) or (data ~= 1 and data ~= 2) or version ~= 1 then return nil end
  local order, word = data == 1 and "<" or ">", class == 2 and "I8" or "I4"
  local h = { order = order, wide = class == 2, bits = class == 2 and 64 or 32 }
  h.type, h.machine, h.version, h.entry, h.phoff, h.shoff, h.flags, h.ehsize, h.phentsize, h.phnum, h.shentsize, h.shnum =
    string.unpack(order .. "I2I2I4" .. word .. word .. word .. "I4I2I2I2I2I2", bytes, 17)
  if h.type == 0 and h.machine == 0 then return nil end -- ld.so has the first 16 bytes as a constant
  return h
end

-- What the program headers say, as far as @read(offset, length) has them.
local function segments(read, size, h)
  local found = { loads = 0 }
  local want = h.wide and 56 or 32
  if h.phentsize < want or h.phoff < 0 or h.phoff > size then return found, h.phnum > 0 end
  for i = 0, math.min(h.phnum, 64) - 1 do
    local at = h.phoff + i * h.phentsize
    local bytes = at + want <= size and read(at, want)
    if not bytes then return found, true end
    local kind, offset, length
    if h.wide then
      kind, offset, length = string.unpack(h.order .. "I4xxxxI8xxxxxxxxxxxxxxxxI8", bytes)
    else
      kind, offset, length = string.unpack(h.order .. "I4I4xxxxxxxxI4", bytes)
    end
    if kind == LOAD then found.loads = found.loads + 1 end
    if kind == DYNAMIC then found.dynamic = true end
    if kind == INTERP and length > 1 and length < 4096 and offset >= 0 and offset + length <= size then
      found.interp = (read(offset, length) or "?"):match("^[^\0]*")
    end
  end
  return found, false
end

return plugin {
  name = "elfs",
  os = "linux",
  help = "List mappings of processes that begin with an ELF header",
  manual = "A process has no page of its own of what it did not touch, as a child that was forked: then the header is "
    .. "read from the page cache, if the file's first page is there. A mapping whose first page was written over is no ELF "
    .. "file here; nor is what is mapped from the middle of a file. What the header says is the file's word: a loader can change it. Anonymous "
    .. "memory that begins with a header was written by the process itself, or is the vdso.",
  aliases = { "linux.elfs.Elfs" },
  columns = {
    { "PID", "int", "process id" },
    { "COMM", "text", "name; the task can change it" },
    { "START", "addr", "first address" },
    { "END", "addr", "first address behind it" },
    { "PATH", "text", "the file, or the kernel's word for it: [vdso]" },
    { "TYPE", "text", "EXEC at a fixed place, DYN anywhere (programs too), REL, CORE" },
    { "CLASS", "int", "32 or 64 bits", "minor" },
    { "MACHINE", "text", "for which processor", "minor" },
    { "ENTRY", "addr", "where it is entered, as the header says: of DYN from START", "minor" },
    { "SEGMENTS", "int", "program headers", "minor" },
    { "SECTIONS", "int", "section headers, which programs run without; 0: stripped of them, or made by hand", "minor" },
    { "HINTS", "text", "dynamic or static, its interpreter, what is odd" },
  },
  args = { { "pid", "int", "only these processes" } },
  needs = { "task_struct.mm" },
  uses = { "tasks", "vmas" },
  run = function(k, args, row)
    local pages, page_size = {}, 1 << linux.page_shift() -- of files' first pages: by inode, where they are, or false

    local function first_page(vma)
      local file = vma.vm_file
      if not eg.ok(file) or eg.address(file) == 0 or eg.value(vma.vm_pgoff, 1) ~= 0 then return nil end
      local inode = linux.file_inode(file)
      local at = eg.ok(inode) and eg.address(inode)
      if at and pages[at] == nil then
        pages[at] = false
        for index, page in eg.xarray(inode.i_mapping.i_pages, "page") do
          local place = index == 0 and type(page) ~= "number" and linux.page_address(page)
          if math.type(place) == "integer" then pages[at] = place end
          break
        end
      end
      return at and pages[at] or nil
    end

    for t in linux.tasks(k) do
      local user = eg.matches("pid", t.pid) and eg.process(t)
      for vma in user and linux.vmas(t.mm) or function() end do
        local start, stop = vma.vm_start, vma.vm_end
        local cached = false
        local function read(offset, length)
          local own = eg.read(user, start + offset, length)
          if own or offset + length > page_size then return own end
          local page = first_page(vma)
          cached = cached or page ~= nil
          return page and eg.read(eg.physical(k), page + offset, length)
        end
        local bytes = math.type(start) == "integer" and read(0, 64)
        local h = bytes and bytes:sub(1, 4) == "\x7fELF" and header(bytes)
        if h then
          local found, hidden = segments(read, stop - start, h)
          local hints = {}
          if found.dynamic then hints[1] = "dynamic" elseif not hidden and h.type == 2 then hints[1] = "static" end
          if found.interp then hints[#hints + 1] = "interpreter " .. found.interp end
          if hidden then hints[#hints + 1] = "program headers not in the mapping" end
          if h.phnum == 0 then hints[#hints + 1] = "no program headers" end
          if h.shnum == 0 then hints[#hints + 1] = "no sections" end
          local name = linux.vma_name(t.mm, vma)
          if cached then hints[#hints + 1] = "from the page cache" end
          if name == "" then hints[#hints + 1] = "in anonymous memory" end
          row {
            PID = t.pid, COMM = t.comm, START = start, END = stop, PATH = name,
            TYPE = types[h.type] or tostring(h.type), CLASS = h.bits, MACHINE = machines[h.machine] or tostring(h.machine),
            ENTRY = h.entry, SEGMENTS = h.phnum, SECTIONS = h.shnum, HINTS = table.concat(hints, ", "),
          }
        end
      end
    end
  end,
}
