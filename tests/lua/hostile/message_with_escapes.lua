--! red
error("\27[31mred\27]0;title\7\r\n\0x")
