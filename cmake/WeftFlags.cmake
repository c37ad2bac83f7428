# How everything of ours is compiled. WEFT_SANITIZE: "", "address" (with undefined) or "thread".
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
option(BUILD_TESTING "build the tests" ON)
option(WEFT_WERROR "warnings are errors" OFF)
set(WEFT_SANITIZE "" CACHE STRING "address (with undefined), thread, or empty")

add_compile_definitions(_GNU_SOURCE)
# The warnings go to our own targets (weft_warnings), not to what protoc-c generates.
add_library(weft_warnings INTERFACE)
target_compile_options(weft_warnings INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wvla $<$<BOOL:${WEFT_WERROR}>:-Werror>
  # What an optimiser guesses here is wrong more often than not; the debug and sanitizer builds look for themselves.
  $<$<CONFIG:Release>:-Wno-maybe-uninitialized -Wno-format-truncation>)

add_compile_options(-fstack-protector-strong -g)
add_link_options(-Wl,-z,relro,-z,now)
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT WEFT_SANITIZE)
  add_compile_definitions(_FORTIFY_SOURCE=2)
endif()
if(WEFT_SANITIZE STREQUAL "address")
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(WEFT_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
elseif(WEFT_SANITIZE)
  message(FATAL_ERROR "WEFT_SANITIZE is '${WEFT_SANITIZE}', want address, thread or empty")
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2") # asserts stay on: they are for our own bugs
