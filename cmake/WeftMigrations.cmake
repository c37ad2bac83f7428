# weft_migrations(TARGET SYMBOL name DIRECTORY dir)
#
# Compiles the SQL files of a folder into TARGET: "name.h" declares `const struct weft_migration name[]`, in order, and
# `name_count`. Files are 0001_users.sql (any store), 0001_users.pg.sql, 0001_users.sqlite.sql; any other name is an error.
include_guard(GLOBAL)
set(_WEFT_MIGRATIONS_SCRIPT ${CMAKE_CURRENT_LIST_DIR}/WeftMigrationsWrite.cmake)

function(weft_migrations target)
  cmake_parse_arguments(arg "" "SYMBOL;DIRECTORY" "" ${ARGN})
  if(NOT arg_SYMBOL OR NOT arg_DIRECTORY OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "weft_migrations(${target} SYMBOL name DIRECTORY dir): SYMBOL or DIRECTORY is missing, "
      "or this is unknown: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  get_filename_component(directory ${arg_DIRECTORY} ABSOLUTE)
  file(GLOB files CONFIGURE_DEPENDS ${directory}/*)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${target}.migrations)
  add_custom_command(
    OUTPUT ${out}/${arg_SYMBOL}.c ${out}/${arg_SYMBOL}.h
    COMMAND ${CMAKE_COMMAND} -DSYMBOL=${arg_SYMBOL} -DDIRECTORY=${directory} -DOUT=${out} -P ${_WEFT_MIGRATIONS_SCRIPT}
    DEPENDS ${files} ${_WEFT_MIGRATIONS_SCRIPT}
    COMMENT "migrations ${directory}"
    VERBATIM)
  target_sources(${target} PRIVATE ${out}/${arg_SYMBOL}.c ${out}/${arg_SYMBOL}.h)
  target_include_directories(${target} PRIVATE ${out})
endfunction()
