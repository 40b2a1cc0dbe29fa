# How every target is compiled: warnings are errors, sanitizers on request, the fastest linker present.
add_library(quorate_flags INTERFACE)
target_include_directories(quorate_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(quorate_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Werror)
# A designated initializer may leave the other fields at their defaults.
target_compile_options(quorate_flags INTERFACE -Wno-missing-field-initializers)
# No path of the building machine ends in a binary, whether the compiler is given paths as they are or, by ccache, relative ones.
target_compile_options(quorate_flags INTERFACE -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=../=)
target_link_options(quorate_flags INTERFACE -Wl,--as-needed)

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # gcc 12 reports these inside its own and Boost's inlined containers; clang-tidy and the sanitizers watch instead.
  target_compile_options(quorate_flags INTERFACE
    -Wno-error=maybe-uninitialized -Wno-error=stringop-overflow -Wno-error=stringop-overread -Wno-error=array-bounds
    -Wno-error=restrict -Wno-error=dangling-pointer -Wno-error=free-nonheap-object)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # A capture used only in some instantiations of a generic lambda.
  target_compile_options(quorate_flags INTERFACE -Wno-unused-lambda-capture)
endif()

if(QUORATE_SANITIZE)
  target_compile_options(quorate_flags INTERFACE -fsanitize=${QUORATE_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(quorate_flags INTERFACE -fsanitize=${QUORATE_SANITIZE})
  if(QUORATE_SANITIZE MATCHES "undefined")
    target_compile_options(quorate_flags INTERFACE -fno-sanitize-recover=undefined)
  endif()
endif()
if(QUORATE_SANITIZE MATCHES "thread")
  # The sanitizer does not know bare fences; Asio needs none where every handler runs on one thread or behind its mutex.
  target_compile_definitions(quorate_flags INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(quorate_flags INTERFACE -Wno-tsan)
  endif()
endif()
if(QUORATE_FUZZ)
  target_compile_options(quorate_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

find_program(QUORATE_MOLD mold)
find_program(QUORATE_LLD ld.lld)
find_program(QUORATE_GOLD ld.gold)
if(QUORATE_MOLD AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_link_options(quorate_flags INTERFACE -fuse-ld=mold)
elseif(QUORATE_LLD)
  target_link_options(quorate_flags INTERFACE -fuse-ld=lld)
elseif(QUORATE_GOLD)
  target_link_options(quorate_flags INTERFACE -fuse-ld=gold)
endif()
