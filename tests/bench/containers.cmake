add_executable(container-starts EXCLUDE_FROM_ALL container_starts.cpp)
target_link_libraries(container-starts PRIVATE pipe_engine fmt::fmt pipe_warnings)
