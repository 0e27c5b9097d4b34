-- ansicolors turns marks in texts into escape sequences.
local colors = require "ansicolors"
local function show(s) print((s:gsub("\27", "ESC"))) end
show(colors "%{red}hello%{reset} %{bright blue underline}world")
show(colors.noReset "%{greenbg}x")
show(colors "%{redbg white}no %{} marks %d %%{red}")
print(pcall(colors, "%{purplish}"))
show(colors(12))
