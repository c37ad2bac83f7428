# Run by weft_migrations() at build time: cmake -DSYMBOL=name -DDIRECTORY=dir -DOUT=dir -P WeftMigrationsWrite.cmake
file(GLOB files ${DIRECTORY}/*)
list(SORT files) # by number: names begin with it
set(entries)
set(texts)
set(count 0)
foreach(file ${files})
  get_filename_component(name ${file} NAME)
  if(NOT name MATCHES "^([0-9][0-9][0-9][0-9])_([a-z0-9_]+)(\\.(pg|sqlite))?\\.sql$")
    message(FATAL_ERROR "${file}: the name is not like 0001_users.sql, 0001_users.pg.sql or 0001_users.sqlite.sql; "
      "rename it or move it out of the folder of migrations")
  endif()
  set(number ${CMAKE_MATCH_1})
  set(base ${CMAKE_MATCH_1}_${CMAKE_MATCH_2})
  set(dialect ${CMAKE_MATCH_4})
  if(DEFINED base_${number} AND (NOT base_${number} STREQUAL base OR DEFINED any_${number} OR NOT dialect))
    message(FATAL_ERROR "${file}: number ${number} is taken by ${base_${number}}; a number has one migration, either one "
      "file for any store or one for each; give this the next number")
  endif()
  set(base_${number} ${base})
  set(c_dialect "\"${dialect}\"")
  if(NOT dialect)
    set(any_${number} TRUE)
    set(c_dialect NULL)
  endif()
  file(READ ${file} sql)
  string(REPLACE "\\" "\\\\" sql "${sql}")
  string(REPLACE "\"" "\\\"" sql "${sql}")
  string(REPLACE "\n" "\\n\"\n    \"" sql "${sql}")
  string(REGEX REPLACE "^0+" "" version "${number}")
  if(version STREQUAL "")
    message(FATAL_ERROR "${file}: migrations count from 0001")
  endif()
  string(APPEND texts "static const char text_${count}[] = /* ${name} */\n    \"${sql}\";\n\n")
  string(APPEND entries "    { \"${base}\", ${c_dialect}, text_${count}, ${version}, 0 },\n")
  math(EXPR count "${count} + 1")
endforeach()
if(count EQUAL 0)
  message(FATAL_ERROR "${DIRECTORY} holds no migrations; put 0001_name.sql there")
endif()
file(WRITE ${OUT}/${SYMBOL}.h "/* Made by weft_migrations() of ${DIRECTORY}. Do not edit. */
#pragma once
#include <weft/service.h>

enum { ${SYMBOL}_count = ${count} };
extern const struct weft_migration ${SYMBOL}[${SYMBOL}_count];
")
file(WRITE ${OUT}/${SYMBOL}.c "/* Made by weft_migrations() of ${DIRECTORY}. Do not edit. */
#include \"${SYMBOL}.h\"

${texts}const struct weft_migration ${SYMBOL}[${SYMBOL}_count] = {
${entries}};
")
