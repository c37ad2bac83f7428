# weft_generate(TARGET PROTO_ROOT DIR PROTOS a/v1/a.proto ... [LIBRARIES contract ...] [OUTPUT_DIR DIR] [TYPE OBJECT])
#
# Typed C out of contracts: a static library with x.pb-c.{h,c} and x.weft.{h,c} of each. PROTO_ROOT is the folder that
# imports are relative to; LIBRARIES are other contracts whose files are imported. Link it before weft: static libraries
# are searched from left to right.
#
# One protoc call a file, so that protoc can tell what the file imports: touching an import, or the generator, makes it
# again; nothing changed, nothing runs. WEFT_PROTOC_GEN_WEFT names the generator where it is not built along (cross
# builds: it runs on the machine that builds).
include_guard(GLOBAL)
get_filename_component(WEFT_ROOT ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
set(WEFT_INCLUDE_DIR ${WEFT_ROOT}/core/include CACHE PATH "where weft/service.h is")
set(WEFT_PROTO_DIR ${WEFT_ROOT}/proto CACHE PATH "where weft/options.proto is")
set(WEFT_PROTOC_GEN_WEFT "" CACHE FILEPATH "the generator; empty: the one of this build")
pkg_get_variable(WEFT_PROTOBUF_INCLUDE_DIR protobuf includedir)

# Adds the command that makes the four files of one contract and appends the sources to `ret_sources`.
function(_weft_generate_file ret_sources root proto out)
  string(REGEX REPLACE "\\.proto$" "" stem ${proto})
  set(generator ${WEFT_PROTOC_GEN_WEFT})
  if(NOT generator)
    set(generator $<TARGET_FILE:protoc-gen-weft>)
    set(generator_target protoc-gen-weft)
  endif()
  set(imports -I${root} -I${WEFT_PROTO_DIR} -I${WEFT_PROTOBUF_INCLUDE_DIR})
  list(REMOVE_DUPLICATES imports)
  add_custom_command(
    # The first one must be the first in protoc's depfile, which is sorted: Ninja compares them.
    OUTPUT ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h ${out}/${stem}.weft.c ${out}/${stem}.weft.h
    COMMAND ${PROTOC} --plugin=protoc-gen-weft=${generator} --weft_opt=protoc_gen_c=${PROTOC_GEN_C}
            ${imports}
            --weft_out=${out} --dependency_out=${out}/${stem}.d ${proto}
    DEPENDS ${root}/${proto} ${generator_target} ${WEFT_PROTOC_GEN_WEFT}
    DEPFILE ${out}/${stem}.d
    COMMENT "contract ${proto}"
    VERBATIM)
  set(${ret_sources} ${${ret_sources}} ${out}/${stem}.pb-c.c ${out}/${stem}.weft.c PARENT_SCOPE)
endfunction()

function(weft_generate target)
  cmake_parse_arguments(arg "" "PROTO_ROOT;OUTPUT_DIR;TYPE" "PROTOS;LIBRARIES" ${ARGN})
  if(NOT arg_PROTO_ROOT OR NOT arg_PROTOS OR arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "weft_generate(${target} PROTO_ROOT DIR PROTOS a.proto ... [LIBRARIES ...]): "
      "PROTO_ROOT or PROTOS is missing, or this is unknown: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_TYPE)
    set(arg_TYPE STATIC)
  endif()
  get_filename_component(root ${arg_PROTO_ROOT} ABSOLUTE)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${target}.contract)
  if(arg_OUTPUT_DIR)
    set(out ${arg_OUTPUT_DIR})
  endif()
  file(MAKE_DIRECTORY ${out})
  set(sources)
  foreach(proto ${arg_PROTOS})
    if(EXISTS ${WEFT_PROTOBUF_INCLUDE_DIR}/${proto})
      _weft_generate_file(sources ${WEFT_PROTOBUF_INCLUDE_DIR} ${proto} ${out})
    else()
      _weft_generate_file(sources ${root} ${proto} ${out})
    endif()
  endforeach()
  add_library(${target} ${arg_TYPE} ${sources})
  set_target_properties(${target} PROPERTIES C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
  # SYSTEM: what protobuf-c generates is not held to the warnings of who includes it.
  target_include_directories(${target} SYSTEM PUBLIC ${out})
  target_include_directories(${target} PUBLIC ${WEFT_INCLUDE_DIR})
  target_link_libraries(${target} PUBLIC PkgConfig::PROTOBUF_C ${arg_LIBRARIES})
  if(TARGET weft_wellknown_headers)
    target_link_libraries(${target} PUBLIC weft_wellknown_headers)
  endif()
endfunction()
