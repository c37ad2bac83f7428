# What a project that uses weft calls. Works from the build tree and installed.
#
#   weft_add_plugin(NAME SOURCES... [LIBRARIES ...])    a plugin .so: exports weft_plugin alone, links nothing of weft's
#   weft_add_service(NAME SOURCES... [LIBRARIES ...])   a service module .so
#   weft_add_service_test(NAME SERVICE service SOURCES... [LIBRARIES ...])   a test program: runs the service, whose file
#                                                       SERVICE_FILE names, by weft/test.h; registered with ctest
#   weft_generate(TARGET PROTO_ROOT DIR PROTOS a/v1/a.proto ...)   typed C out of contracts, as a static library
#   weft_migrations(TARGET SYMBOL name DIRECTORY dir)   SQL files compiled in as `const struct weft_migration name[]`
include_guard(GLOBAL)
include(${CMAKE_CURRENT_LIST_DIR}/WeftGenerate.cmake OPTIONAL)
include(${CMAKE_CURRENT_LIST_DIR}/WeftMigrations.cmake OPTIONAL)

function(weft_add_plugin name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} MODULE ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${WEFT_PLUGIN_OUTPUT})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/core/include ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE weft_warnings ${arg_LIBRARIES} Threads::Threads)
  target_link_options(${name} PRIVATE -Wl,-z,nodelete)
  if(NOT WEFT_SANITIZE)
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
  install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft/plugins-1 COMPONENT runtime)
endfunction()

function(weft_add_service name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} MODULE ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${WEFT_SERVICE_OUTPUT}
    INSTALL_RPATH "$ORIGIN/../..")
  target_link_libraries(${name} PRIVATE weft_warnings weft ${arg_LIBRARIES})
  install(TARGETS ${name} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/weft/services COMPONENT runtime)
endfunction()

function(weft_add_service_test name)
  cmake_parse_arguments(arg "" "SERVICE" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE weft_warnings ${arg_LIBRARIES} weft)
  target_compile_definitions(${name} PRIVATE SERVICE_FILE="$<TARGET_FILE:${arg_SERVICE}>")
  add_dependencies(${name} ${arg_SERVICE})
  foreach(plugin store-sqlite cache-memory) # what it runs on; installed where weft is not built along
    if(TARGET ${plugin})
      add_dependencies(${name} ${plugin})
    endif()
  endforeach()
  string(REGEX REPLACE "_test$" "" test ${name})
  add_test(NAME ${test} COMMAND ${name})
endfunction()
