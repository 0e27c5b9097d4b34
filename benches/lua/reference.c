/* The reference implementation as a command: runs the chunk on standard input, with the standard libraries. */
#include <stdio.h>

#include "lauxlib.h"
#include "lua.h"
#include "lualib.h"

int main(void) {
  int failed;
  lua_State *L = luaL_newstate();
  if (L == NULL) {
    fputs("reference: not enough memory\n", stderr);
    return 1;
  }
  luaL_openlibs(L);
  failed = luaL_loadfile(L, NULL) != LUA_OK || lua_pcall(L, 0, 0, 0) != LUA_OK;
  if (failed) fprintf(stderr, "reference: %s\n", lua_tostring(L, -1));
  lua_close(L);
  return failed;
}
