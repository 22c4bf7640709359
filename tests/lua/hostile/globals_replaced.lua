--! ok
for _, name in ipairs { "plugin", "eg", "string", "table", "tostring", "error", "_G" } do rawset(_G, name, nil) end
row { N = 1 }
