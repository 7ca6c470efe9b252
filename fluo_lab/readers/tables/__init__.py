"""Tables with a span in each row: CSV, Parquet and frames, whatever their columns are called."""
