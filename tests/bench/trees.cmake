if(PIPE_BENCH)
  add_executable(bench_trees trees.cpp)
  target_link_libraries(bench_trees PRIVATE pipe_store pipe_warnings fmt::fmt)
endif()
