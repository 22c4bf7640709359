--! error
error(setmetatable({}, { __tostring = function() error({}) end }))
