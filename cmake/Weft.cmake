# What a project that uses weft calls. Works from the build tree and installed.
#
#   weft_add_plugin(NAME SOURCES... [LIBRARIES ...])    a plugin .so: exports weft_plugin alone, links nothing of weft's
#   weft_add_service(NAME SOURCES... [LIBRARIES ...])   a service module .so
#   weft_generate(TARGET PROTO_ROOT DIR PROTOS a/v1/a.proto ...)   typed C out of contracts, as a static library
#   weft_migrations(TARGET SYMBOL name DIRECTORY dir)   SQL files compiled in as `const struct weft_migration name[]`
include_guard(GLOBAL)
include(${CMAKE_CURRENT_LIST_DIR}/WeftGenerate.cmake OPTIONAL)
include(${CMAKE_CURRENT_LIST_DIR}/WeftMigrations.cmake OPTIONAL)

function(weft_add_plugin name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} MODULE ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${WEFT_PLUGIN_OUTPUT})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/core/include)
  target_link_libraries(${name} PRIVATE weft_warnings ${arg_LIBRARIES} Threads::Threads)
  target_link_options(${name} PRIVATE -Wl,-z,nodelete)
  if(NOT WEFT_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft/plugins-1)
endfunction()

function(weft_add_service name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} MODULE ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${WEFT_SERVICE_OUTPUT})
  target_link_libraries(${name} PRIVATE weft_warnings weft ${arg_LIBRARIES})
  install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft/services)
endfunction()
