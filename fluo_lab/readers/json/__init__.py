"""JSON documents of any layout and size, cut into parts that fit, damaged ones named."""
