add_executable(container-starts EXCLUDE_FROM_ALL container_starts.cpp)
target_link_libraries(container-starts PRIVATE pipe_engine fmt::fmt pipe_warnings)
add_executable(firewall-starts EXCLUDE_FROM_ALL firewall_starts.cpp ../net/inside.cpp)
target_link_libraries(firewall-starts PRIVATE pipe_engine pipe_net fmt::fmt pipe_warnings)
