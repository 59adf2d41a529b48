"""The report: tables with everything behind them in one HTML file that needs nothing else."""
