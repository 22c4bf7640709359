-- keyboard - who listens to keys, which keys and lights were on, and what takes the input of terminals.

local MODES = { [0] = "XLATE", "MEDIUMRAW", "RAW", "UNICODE", "OFF" } -- VC_XLATE and on (include/linux/kbd_kern.h)
local LIGHTS = { SCROLL = 1, NUM = 2, CAPS = 4, KANA = 8 }
local NOTIFIERS_MAX, KEYS = 256, 768 -- KEY_CNT

local function pressed(bitmap, limit)
  local keys = {}
  for key in eg.bits(bitmap, limit) do keys[#keys + 1] = key end
  return table.concat(keys, " ")
end

return plugin {
  name = "keyboard",
  os = "linux",
  help = "List who is told of each key, what keys were held, and what takes terminals' input",
  manual = "notifier: a function that the kernel calls for each key of a console; key loggers in the kernel are there, and "
    .. "few systems have any (speakup, braille). discipline: the function that takes what is typed on terminals, once for each; "
    .. "n_tty_receive_buf2 is usual. console: the lights and mode of the one that is shown. device: input devices, with the keys "
    .. "that were held down as numbers of linux/input-event-codes.h. A HANDLER without a name lies outside of the kernel and its "
    .. "modules. What was typed and not read yet is in tty. Keys that a program reads from /dev/input show no trace here: lsof.",
  aliases = { "linux.keyboard_notifiers.Keyboard_notifiers", "linux_keyboard_notifiers" },
  looks_for = { "hooks of terminals and keyboards" },
  columns = {
    { "OFFSET", "addr", "where the kernel's struct of it is", "minor" },
    { "TYPE", "text", "notifier, discipline, console, device" },
    { "NAME", "text", "the console, the device, the line discipline" },
    { "HANDLER", "text", "the function that is called" },
    { "PRIORITY", "int", "of notifiers the highest is called first" },
    { "PRESSED", "text", "keys that were held down, by number" },
    { "LIGHTS", "text", "NUM, CAPS, SCROLL that are on" },
    { "INPUT_MODE", "text", "what keys become: XLATE, UNICODE, RAW, MEDIUMRAW, OFF" },
  },
  run = function(k, args, row)
    local function variable(name, type)
      if eg.lookup(k, name) then return eg.symbol(k, name, type) end
      eg.note(name .. " is not known: what it tells of is missing")
    end

    local list = variable("keyboard_notifier_list", "atomic_notifier_head")
    local block, n = list and list.head, 0
    while block and eg.ok(block) and eg.address(block) ~= 0 do
      n = n + 1
      if n > NOTIFIERS_MAX then
        eg.note("the list of keyboard notifiers does not end")
        break
      end
      local at = eg.address(block.notifier_call)
      row { OFFSET = eg.address(block), TYPE = "notifier", PRIORITY = block.priority,
        HANDLER = at and (eg.name(k, at) or string.format("%#x", at)) or block.notifier_call }
      block = block.next
    end
    if block and not eg.ok(block) then eg.note("the list of keyboard notifiers breaks off: " .. eg.why(block)) end

    local seen = {}
    if eg.lookup(k, "tty_drivers") then
      for _, r in ipairs(eg.rows("tty")) do
        local key = r.HANDLER and (r.DISCIPLINE or "") .. r.HANDLER
        if key and not seen[key] then
          seen[key] = true
          row { OFFSET = r.OFFSET, TYPE = "discipline", NAME = r.DISCIPLINE, HANDLER = r.HANDLER }
        end
      end
    end

    local shown, consoles = variable("fg_console", "int"), variable("kbd_table", "kbd_struct[63]")
    local down = eg.lookup(k, "key_down") and eg.symbol(k, "key_down", "unsigned long[12]")
    if consoles and eg.ok(shown) and shown >= 0 and shown < #consoles then
      local c = consoles[shown]
      row { OFFSET = eg.address(c), TYPE = "console", NAME = "tty" .. shown + 1, PRESSED = down and pressed(down, KEYS) or nil,
        LIGHTS = eg.ok(c.ledflagstate) and eg.flags(c.ledflagstate, LIGHTS):gsub("|", ",") or c.ledflagstate,
        INPUT_MODE = eg.ok(c.kbdmode) and (MODES[c.kbdmode] or tostring(c.kbdmode)) or c.kbdmode }
    end

    local devices = variable("input_dev_list", "list_head")
    if devices then
      for d in eg.list(devices, "input_dev", "node") do
        row { OFFSET = eg.address(d), TYPE = "device", NAME = eg.cstring(k, d.name, 128), PRESSED = pressed(d.key, KEYS) }
      end
    end
  end,
}
